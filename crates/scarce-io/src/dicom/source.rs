//! Bytes that tell how far they are read.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

/// The bytes, and for others to see how far they are read.
pub(super) struct Source<'a> {
    bytes: Cursor<&'a [u8]>,
    position: Rc<Cell<u64>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a [u8], start: usize) -> Self {
        let mut bytes = Cursor::new(bytes);
        bytes.set_position(start as u64);
        Self {
            bytes,
            position: Rc::default(),
        }
    }

    /// Behind the last byte that was read or sought.
    pub(super) fn position(&self) -> Rc<Cell<u64>> {
        self.position.clone()
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer);
        self.position.set(self.bytes.position());
        read
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.bytes.seek(to)?;
        self.position.set(position);
        Ok(position)
    }
}
