//! Random streams that are functions of what they are for, not of who asked first.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// The seed of a run. Every random choice draws from a stream of its own, named by a
/// [`StreamKey`], so that the outcome does not depend on threads, ranks or resume points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What a random stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamKey<'a> {
    /// Epoch, or step where a run counts steps.
    pub epoch: u64,
    /// The sample the choice is made for; empty where it concerns no single sample.
    pub sample_id: &'a str,
    /// Which choice, such as `"mask"` or `"crop"`.
    pub purpose: &'a str,
}

impl Seed {
    /// The stream for `key`: ChaCha8 keyed by BLAKE3 over the seed and the key, the same on every
    /// platform.
    pub fn stream(self, key: StreamKey<'_>) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(*self.digest(key).as_bytes())
    }

    /// A derived 63-bit seed, for generators that take a signed integer (libtorch's).
    pub fn derive(self, key: StreamKey<'_>) -> i64 {
        let mut first = [0u8; 8];
        first.copy_from_slice(&self.digest(key).as_bytes()[..8]);
        i64::from_le_bytes(first) & i64::MAX
    }

    fn digest(self, key: StreamKey<'_>) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&key.epoch.to_le_bytes());
        // Lengths in front, or ("ab", "c") and ("a", "bc") would share a stream.
        for text in [key.sample_id, key.purpose] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    fn draw(seed: u64, epoch: u64, sample_id: &str, purpose: &str) -> u64 {
        Seed(seed)
            .stream(StreamKey {
                epoch,
                sample_id,
                purpose,
            })
            .random()
    }

    #[test]
    fn each_part_of_the_key_names_another_stream() {
        let base = draw(1, 2, "ab", "c");
        assert_eq!(base, draw(1, 2, "ab", "c"));
        for other in [
            draw(2, 2, "ab", "c"),
            draw(1, 3, "ab", "c"),
            draw(1, 2, "a", "bc"),
            draw(1, 2, "ab", "d"),
        ] {
            assert_ne!(base, other);
        }
    }
}
