//! The parts of Mask R-CNN: boxes, anchors, non-maximum suppression, region pooling.
