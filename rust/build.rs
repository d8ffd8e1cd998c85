//! Gives the core a digest of its own sources, so that what another core computed can be told from its results.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// FNV-1a in 128 bits: no dependency, and nobody is to be defended against.
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

fn main() -> io::Result<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files)?;
    files.push(root.join("Cargo.toml"));
    let lock = root.join("../Cargo.lock");
    if lock.exists() {
        files.push(lock);
    }
    let mut named = Vec::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        named.push((name, fs::read(&file)?));
    }
    println!("cargo::rerun-if-changed={}", root.join("src").display());
    named.sort();
    let digest = named.iter().fold(OFFSET, |hash, (name, text)| {
        // A byte that no text has sets names and texts apart.
        let bytes = name.bytes().chain([0xff]).chain(text.iter().copied()).chain([0xff]);
        bytes.fold(hash, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
    });
    println!("cargo::rustc-env=SOR_BUILD={digest:032x}");
    println!("cargo::rustc-env=SOR_RUSTC={}", compiler()?);
    Ok(())
}

/// The compiler's version, in one word.
fn compiler() -> io::Result<String> {
    let rustc = std::env::var("RUSTC").map_err(io::Error::other)?;
    let said = Command::new(rustc).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().replace(' ', "_"))
}

/// Every Rust file under a folder.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
