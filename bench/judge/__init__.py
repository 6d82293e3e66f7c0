"""How fast a large organisation's events are judged, and in how much memory, beside the same arithmetic in pandas."""
