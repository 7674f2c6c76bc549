"""Turning folders of images into prepared sets, which training reads faster."""
