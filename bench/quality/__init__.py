"""How good the detection is: generated organisations with thefts in them, ours and two peers judged alike."""
