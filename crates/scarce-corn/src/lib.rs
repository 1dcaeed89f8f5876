//! Semi-supervised 3-D segmentation: V-Net, CORAL consistency, EMA teacher.
