"""Networks whose algorithm is known, built by hand, and networks that are right for other reasons.

They are the ground truth on which the explainer is measured, and know nothing about it.
"""
