//! `MetaImage`: `key = value` lines, then raw or zlib-compressed voxels, in the same file (`.mha`) or
//! beside it (`.mhd`).

mod header;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::ZlibDecoder;

use self::header::{DataFile, read_header};
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
    let mut files = Vec::new();
    match header.data_file(path)? {
        DataFile::Local => {}
        DataFile::Beside(data) => {
            let file = File::open(&data).map_err(system("cannot open", &data))?;
            stream = Box::new(BufReader::new(file));
            files.push(data);
        }
    }
    let before = header.bytes_before_voxels(path)?;
    Layout::skip(&mut stream, before, "bytes before the voxels", path)?;
    let deflated = header.is_compressed(path)?;
    if deflated {
        stream = Box::new(ZlibDecoder::new(stream));
    }
    let format = Format::MetaImage;
    let mut opened = Opened::stream(format, deflated || compressed, layout, stream, path);
    opened.files.extend(files);
    Ok(opened)
}
