//! Readers and writers for medical images: the whole truth or an error.
