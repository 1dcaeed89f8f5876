//! A stream of bytes read ahead on a thread of its own, so that inflating and converting overlap.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::IoError;

/// A multiple of every voxel size, so that no voxel lies across two blocks.
const BLOCK_BYTES: usize = 1 << 20;

/// Blocks that may wait to be converted.
const AHEAD: usize = 4;

/// Hands `expected` bytes of `reader` to `take`, block by block, each but the last of the same size;
/// answers how many bytes there were, and whether the stream goes on behind them.
pub(super) fn for_each_block(
    reader: &mut (dyn Read + Send),
    expected: usize,
    path: &Path,
    mut take: impl FnMut(&[u8]),
) -> Result<Ending, IoError> {
    thread::scope(|scope| {
        let (full_sender, full_blocks) = sync_channel::<io::Result<Vec<u8>>>(AHEAD);
        let (empty_sender, empty_blocks) = sync_channel::<Vec<u8>>(AHEAD + 1);
        let producer = scope.spawn(move || {
            let mut left = expected;
            while left > 0 {
                let mut block = empty_blocks.try_recv().unwrap_or_default();
                // A block that comes back is full of old bytes: nothing to zero.
                block.resize(left.min(BLOCK_BYTES), 0);
                let read = fill(reader, &mut block);
                let short = !matches!(read, Ok(n) if n == block.len());
                left -= block.len();
                // A receiver that is gone has failed already.
                if full_sender
                    .send(read.map(|n| {
                        block.truncate(n);
                        block
                    }))
                    .is_err()
                    || short
                {
                    return Ok(false);
                }
            }
            drop(full_sender);
            // Reading on to the end is also what makes a decoder check the stream's checksum.
            let mut byte = [0];
            loop {
                match reader.read(&mut byte) {
                    Ok(n) => return Ok(n > 0),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        });
        let mut got = 0;
        for block in full_blocks {
            let block = block.map_err(|source| stream_error(source, path))?;
            got += block.len();
            take(&block);
            // A full channel only means that the block is not used again.
            let _ = empty_sender.try_send(block);
        }
        let goes_on = producer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the reading thread panicked")))
            .map_err(|source| stream_error(source, path))?;
        Ok(Ending { got, goes_on })
    })
}

/// How a stream ended.
pub(super) struct Ending {
    pub got: usize,
    pub goes_on: bool,
}

/// Reads until `block` is full or the stream ends; answers how many bytes there are.
fn fill(reader: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match reader.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// At most `limit` bytes, fewer only at the end of the stream.
pub(crate) fn read_up_to(
    reader: &mut dyn Read,
    limit: usize,
    path: &Path,
) -> Result<Vec<u8>, IoError> {
    let mut bytes = Vec::new();
    reader
        .take(limit as u64)
        .read_to_end(&mut bytes)
        .map_err(|source| stream_error(source, path))?;
    Ok(bytes)
}

/// Leaves out `count` bytes; answers how many there were. Nothing is kept of them: their number is what
/// a header says.
pub(super) fn leave_out(
    reader: &mut dyn Read,
    count: usize,
    path: &Path,
) -> Result<usize, IoError> {
    let left_out = io::copy(&mut reader.take(count as u64), &mut io::sink());
    left_out
        .map(|bytes| bytes as usize)
        .map_err(|source| stream_error(source, path))
}

fn stream_error(source: io::Error, path: &Path) -> IoError {
    match source.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            IoError::Compression {
                message: source.to_string(),
                path: path.to_owned(),
            }
        }
        _ => IoError::System {
            what: "cannot read",
            source,
            path: path.to_owned(),
        },
    }
}
