//! How an object is encoded.

use dicom_dictionary_std::uids;

use super::header::ImageHeader;

/// Explicit VR big endian, retired.
pub(super) const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Transfer syntaxes whose pixels are not compressed.
const NATIVE: [&str; 4] = [
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    BIG_ENDIAN,
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
];

/// Whether a transfer syntax compresses.
pub(super) fn is_compressed(header: &ImageHeader) -> bool {
    !NATIVE.contains(&header.transfer_syntax())
}
