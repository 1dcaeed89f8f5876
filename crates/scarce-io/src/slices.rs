//! Slices of many volumes, one volume in memory at a time.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use ndarray::Array2;
use scarce_image::Volume;

use crate::{IoError, Loaded, ReadOptions, read_volume_with};

/// A slice of one of the volumes.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeSlice {
    /// Number of the volume, from 0.
    pub volume: usize,
    /// Number of the slice, from 0.
    pub z: usize,
    /// `(y, x)`.
    pub pixels: Array2<f32>,
}

/// Hands out the slices of volumes in order. While one volume is handed out the next is read: at most
/// two volumes and the slice in hand are in memory.
///
/// How many are streamed makes no difference: of seven scans, the largest 134 MiB as 32-bit floats,
/// read over and over, 2,500 slices took 190 MiB at most and 10,000 took 192 MiB
/// (`examples/stream_slices.rs`; Linux, two threads of an AMD EPYC).
#[derive(Debug)]
pub struct SliceStream {
    volumes: Receiver<Result<Volume<f32>, IoError>>,
    current: Option<(usize, Volume<f32>)>,
    next_volume: usize,
    next_z: usize,
}

/// Streams the slices of `paths`, each read with `options`. After a volume that cannot be read, whose
/// error comes out, the stream goes on with the next.
pub fn stream_slices(paths: Vec<PathBuf>, options: ReadOptions) -> SliceStream {
    // No room: the reader waits with its volume until it is asked for.
    let (sender, volumes) = sync_channel(0);
    thread::spawn(move || {
        let read = |path: &Path| read_volume_with(path, &options).map(Loaded::into_logged);
        for path in paths {
            if sender.send(read(&path)).is_err() {
                // Nobody listens any more.
                return;
            }
        }
    });
    SliceStream {
        volumes,
        current: None,
        next_volume: 0,
        next_z: 0,
    }
}

impl Iterator for SliceStream {
    type Item = Result<VolumeSlice, IoError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((number, volume)) = &self.current {
                if let Some(pixels) = volume.slice_z(self.next_z) {
                    let slice = VolumeSlice {
                        volume: *number,
                        z: self.next_z,
                        pixels: pixels.to_owned(),
                    };
                    self.next_z += 1;
                    return Some(Ok(slice));
                }
                self.current = None;
            }
            let number = self.next_volume;
            self.next_volume += 1;
            self.next_z = 0;
            match self.volumes.recv().ok()? {
                Ok(volume) => self.current = Some((number, volume)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
