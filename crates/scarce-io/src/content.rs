//! The bytes of a file: through gzip, within the budget, and not outside of a header's folder.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::{At, system};
use crate::format::SNIFFED_BYTES;
use crate::stored::read_up_to;
use crate::{IoError, ReadOptions};

/// A file's first bytes, whether it is gzipped, and its content from the start, inflated.
pub(crate) type Content = (Vec<u8>, bool, Box<dyn Read + Send>);

/// Opens a file, looking through gzip. Nearly all of a `.nii.gz`'s time is inflation, 0.15 s for 105 MB of
/// CT; decoders of whole buffers such as libdeflate take as long, since their buffer is new memory.
pub(crate) fn open_stream(path: &Path) -> Result<Content, IoError> {
    let file = File::open(path).map_err(system("cannot open", path))?;
    let mut file = BufReader::with_capacity(1 << 18, file);
    let magic = read_up_to(&mut file, 2, path)?;
    let compressed = magic == [0x1f, 0x8b];
    let whole = Cursor::new(magic).chain(file);
    let mut content: Box<dyn Read + Send> = if compressed {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    };
    let start = read_up_to(&mut content, SNIFFED_BYTES, path)?;
    let content = Box::new(Cursor::new(start.clone()).chain(content));
    Ok((start, compressed, content))
}

/// The file that a header names as its own, which may lie in the header's folder or below it: a header
/// must not lead elsewhere on the disk.
pub(crate) fn file_beside(header: &Path, name: &str) -> Result<PathBuf, IoError> {
    let mut parts = Path::new(name).components();
    if parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(header.with_file_name(name));
    }
    let what = format!("a data file outside of the header's folder ({name:?})");
    Err(At(header).unsupported(what))
}

/// A file's bytes, if they are within the budget.
pub(crate) fn read_whole(path: &Path, options: &ReadOptions) -> Result<Vec<u8>, IoError> {
    let budget = options.max_alloc_bytes;
    let file = File::open(path).map_err(system("cannot open", path))?;
    let length = file.metadata().map_err(system("cannot open", path))?.len();
    if length > budget {
        return Err(At(path).budget(u128::from(length), budget));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A file may grow while it is read.
    file.take(budget.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(system("cannot read", path))?;
    if bytes.len() as u64 > budget {
        return Err(At(path).budget(bytes.len() as u128, budget));
    }
    Ok(bytes)
}
