//! Fields that files spell in more than one way.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};

/// `iscrowd`: 0 or 1, as COCO has it, or a boolean.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(Flag)
}

struct Flag;

impl Visitor<'_> for Flag {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0, 1, true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<bool, E> {
        match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(value), &self)),
        }
    }
}

/// `iscrowd` as 0 or 1.
pub(super) fn as_number<S: serde::Serializer>(
    flag: &bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}
