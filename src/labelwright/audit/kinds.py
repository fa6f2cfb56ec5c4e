"""What each kind of finding is called, what it means in plain words, and what one does about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """The words for one kind of finding."""

    name: str
    title: str
    meaning: str
    remedy: str


_KINDS = (
    Kind("label", "Label error", "the label does not fit the row", "look at the row, then keep or correct its label"),
    Kind(
        "inconsistent_span",
        "Marked otherwise elsewhere",
        "the same words carry another mark in most other sentences",
        "settle one mark for these words",
    ),
    Kind("degenerate_box", "Box without extent", "the box is less than a pixel wide or high", "remove or redraw it"),
    Kind("outside_box", "Box beyond the image", "the box reaches out of its image", "redraw it"),
    Kind("duplicate_box", "Box on a box", "two boxes lie in one place", "keep one; settle its class"),
    Kind(
        "odd_box", "Odd box", "the box is far larger, smaller, wider or taller than others of its class", "look at it"
    ),
    Kind("empty_image", "Image without a box", "the image has no box, nearly all others have", "check it"),
    Kind("empty_mask", "Empty mask", "the mask holds one class or none", "draw it, or remove the image"),
    Kind("mask_size", "Mask without its image", "mask and image do not go together", "pair them, or export them again"),
    Kind("tiny_fragment", "Speck", "a few pixels of a class stand alone", "clear them, or check for a slip of the pen"),
    Kind(
        "odd_size_part",
        "Odd size of a class",
        "the class covers far more or less of the image than elsewhere",
        "look at the mask",
    ),
    Kind("exact_duplicate", "Exact duplicate", "the same content stands in two rows", "keep one; settle their labels"),
    Kind("near_duplicate", "Near duplicate", "two rows are almost the same", "keep one; settle their labels"),
    Kind("split_leak", "Split leak", "a row stands in two splits", "remove it from one, or scores flatter the model"),
    Kind("outlier", "Outlier", "the row is unlike all others", "check that it belongs to this data set"),
    Kind(
        "class_name", "Class names to merge", "two class names differ by case, space or a typo", "merge the two names"
    ),
    Kind("small_class", "Small class", "the class has too few rows to judge", "collect more rows or merge the class"),
    Kind(
        "class_imbalance", "Class imbalance", "a class is far rarer than the others", "collect more rows or weight it"
    ),
    Kind("null", "Missing values", "cells are empty", "fill them, or say that missing has a meaning"),
    Kind(
        "underperforming_group",
        "Underperforming group",
        "the model is clearly worse on this group of rows",
        "look at the group; its labels or its coverage may be poor",
    ),
    Kind("non_iid", "Order matters", "neighbouring rows of the file are alike", "shuffle before splitting by position"),
    Kind(
        "identifier_column", "Identifier column", "the column names rows and tells nothing", "leave it out of training"
    ),
    Kind("leaking_column", "Leaking column", "the column gives the label away", "leave it out of training"),
    Kind(
        "spurious_correlation",
        "Spurious correlation",
        "something that should not matter predicts the label",
        "balance it over the classes",
    ),
    Kind("dark", "Dark image", "the image is almost black", "check or remove it"),
    Kind("light", "Bright image", "the image is almost white", "check or remove it"),
    Kind("blurry", "Blurry image", "the image has no sharp edges", "check or remove it"),
    Kind("low_information", "Empty image", "the image holds almost no detail", "check or remove it"),
    Kind("odd_size", "Odd size", "the image is far larger or smaller than the others", "check how it was made"),
    Kind("odd_aspect_ratio", "Odd shape", "the image is far longer than wide or wider than long", "check its crop"),
    Kind("grayscale", "Grey image", "the image has no colour, most others do", "check how it was made"),
    Kind("unreadable_image", "Unreadable image", "the file cannot be opened as an image", "replace or remove the file"),
    Kind(
        "valuation",
        "Harmful row",
        "training on the row makes the model worse on others",
        "look at the row and its label first",
    ),
)

KINDS = {kind.name: kind for kind in _KINDS}


def kind_of(name: str) -> Kind:
    """Return the words for a kind; an unknown kind speaks for itself."""
    return KINDS.get(name, Kind(name, name.replace("_", " ").capitalize(), "see the reason given", "look at it"))
