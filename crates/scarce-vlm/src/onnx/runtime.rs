//! Finds ONNX Runtime's shared library and loads it once.

use std::{
    env,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::environment::Environment;

use super::OnnxError;

/// The environment variable that names the library; it wins over the known places.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// One environment a process; kept for as long as the process lives.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Where ONNX Runtime's library lies: what `ORT_DYLIB_PATH` names, else
/// `<folder of the executable>/../onnxruntime/lib/`, else `<folder of the executable>/../../onnxruntime/lib/`
/// (where `cargo xtask setup` puts it, seen from binaries and from tests).
///
/// # Errors
/// [`OnnxError::LibraryVariable`] when the variable names a file that is not there,
/// [`OnnxError::LibraryMissing`] when none of the places has it.
pub fn library_path() -> Result<PathBuf, OnnxError> {
    let named = env::var_os(LIBRARY_VARIABLE)
        .filter(|v| !v.is_empty())
        .map(PathBuf::from);
    resolve(named, env::current_exe().ok().as_deref())
}

fn resolve(named: Option<PathBuf>, executable: Option<&Path>) -> Result<PathBuf, OnnxError> {
    if let Some(path) = named {
        // Another library than the one that was asked for would be worse than none.
        return if path.is_file() {
            Ok(path)
        } else {
            Err(OnnxError::LibraryVariable {
                variable: LIBRARY_VARIABLE,
                path,
            })
        };
    }
    let file = format!(
        "{}onnxruntime{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    );
    let searched: Vec<PathBuf> = executable
        .and_then(Path::parent)
        .map(|folder| {
            [folder.parent(), folder.parent().and_then(Path::parent)]
                .into_iter()
                .flatten()
                .map(|above| above.join("onnxruntime").join("lib").join(&file))
                .collect()
        })
        .unwrap_or_default();
    match searched.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(OnnxError::LibraryMissing {
            variable: LIBRARY_VARIABLE,
            searched,
        }),
    }
}

/// The process's environment, made at the first call. A failure is not kept: a later call tries again.
pub(super) fn environment() -> Result<Environment, OnnxError> {
    let mut slot = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = slot.as_ref() {
        return Ok(environment.clone());
    }
    let path = library_path()?;
    let failed = |message: String| OnnxError::LibraryLoad {
        message,
        path: path.clone(),
    };
    check_whole(&path).map_err(&failed)?;
    let environment = ort::init_from(&path)
        .map_err(|error| failed(error.to_string()))?
        .with_name("scarce")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    tracing::debug!(library = %path.display(), "ONNX Runtime loaded");
    *slot = Some(environment.clone());
    Ok(environment)
}

/// Refuses an ELF file that ends before its segments do, which the loader would map and then die of
/// (SIGBUS). Other formats are left to the loader.
fn check_whole(path: &Path) -> Result<(), String> {
    let broken = |error: io::Error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(broken)?;
    let length = file.metadata().map_err(broken)?.len();
    let mut header = [0_u8; 64];
    if length < header.len() as u64 {
        return Err(format!("{length} bytes are no library"));
    }
    file.read_exact(&mut header).map_err(broken)?;
    // 64-bit, little endian: the only ELF libraries that ONNX Runtime is published as.
    if header[..6] != *b"\x7fELF\x02\x01" {
        return Ok(());
    }
    let table_at = u64_at(&header, 32);
    let (entry_size, entries) = (u16_at(&header, 54), u16_at(&header, 56));
    let mut table = vec![0_u8; entry_size * entries];
    file.seek(SeekFrom::Start(table_at)).map_err(broken)?;
    file.read_exact(&mut table).map_err(broken)?;
    let needed = table
        .chunks_exact(entry_size.max(1))
        .filter(|entry| entry.len() >= 40)
        .map(|entry| u64_at(entry, 8).saturating_add(u64_at(entry, 32)))
        .max()
        .unwrap_or(0);
    if needed > length {
        return Err(format!(
            "the file is cut: {length} bytes, its segments need {needed}"
        ));
    }
    Ok(())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at + 1]) << 8 | usize::from(bytes[at])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn looks_in_the_known_places_in_order() {
        let root = tempfile::tempdir().unwrap();
        let file = format!(
            "{}onnxruntime{}",
            env::consts::DLL_PREFIX,
            env::consts::DLL_SUFFIX
        );
        let executable = root.path().join("target/debug/deps/test");
        let near = root.path().join("target/debug/onnxruntime/lib").join(&file);
        let far = root.path().join("target/onnxruntime/lib").join(&file);
        let put = |path: &Path| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        };
        let found = |named: Option<&Path>| resolve(named.map(Path::to_path_buf), Some(&executable));

        let message = found(None).unwrap_err().to_string();
        assert!(message.contains("cargo xtask setup"), "{message}");
        assert!(message.contains(&far.display().to_string()), "{message}");
        put(&far);
        assert_eq!(found(None).unwrap(), far);
        put(&near);
        assert_eq!(found(None).unwrap(), near);
        assert_eq!(found(Some(&far)).unwrap(), far);
        let error = found(Some(Path::new("/nowhere/lib.so"))).unwrap_err();
        assert!(matches!(error, OnnxError::LibraryVariable { .. }));
        assert!(error.to_string().ends_with("/nowhere/lib.so"));
        assert!(matches!(
            resolve(None, None),
            Err(OnnxError::LibraryMissing { .. })
        ));
    }
}
