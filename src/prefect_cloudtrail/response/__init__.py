"""8 act: what a response would do, who may allow it, and what was done.

A plan is proposed, a request asks for it, a decision answers, contain applies it and keeps a receipt of each step.
"""
