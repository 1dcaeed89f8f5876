//! Segmentation metrics with their conventions, empty-mask policies and intervals.
