//! Text and image in, region of interest out.
