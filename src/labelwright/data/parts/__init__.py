"""Data whose rows have parts that carry the labels: tokens of sentences, boxes and pixels of images."""
