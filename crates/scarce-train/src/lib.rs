//! What every training shares: configuration, optimizers, EMA, checkpoints, run folders.
