//! Masked image modelling with sparse convolutions on libtorch.
