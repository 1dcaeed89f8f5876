//! From a header to the stream of its voxels.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::header::read_header;
use crate::error::system;
use crate::opened::Opened;
use crate::stored::Layout;
use crate::{Format, IoError};

pub(crate) fn open(
    mut stream: Box<dyn Read + Send>,
    compressed: bool,
    path: &Path,
) -> Result<Opened, IoError> {
    let header = read_header(&mut stream, path)?;
    let layout = header.layout(path)?;
    let gzip = header.is_gzip(path)?;
    let detached = header.data_file(path)?;
    if let Some(data) = &detached {
        let file = File::open(data).map_err(system("cannot open", data))?;
        stream = Box::new(BufReader::new(file));
    }
    Layout::skip(
        &mut stream,
        header.byte_skip(path)?,
        "bytes before the voxels",
        path,
    )?;
    if gzip {
        stream = Box::new(MultiGzDecoder::new(stream));
    }
    let mut opened = Opened::stream(Format::Nrrd, gzip || compressed, layout, stream, path);
    opened.files.extend(detached);
    opened.label_names = header.segment_names(path)?;
    Ok(opened)
}
