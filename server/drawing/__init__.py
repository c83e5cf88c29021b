"""Drawings as SVG text: geometry is attributes, colour is a class, and every drawing says its numbers in a label."""
