// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading the file of a module.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use ruzstd::decoding::StreamingDecoder;

/// Magic numbers at the beginning of a file.
const ELF: &[u8] = b"\x7fELF";
const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// Magic text at the end of a signed module.
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// No module of the driver's is as large, and a file that claims to be does not take all
/// memory.
const LARGEST: u64 = 64 << 20;

/// A module as the kernel loads it.
pub(super) struct Image(Vec<u8>);

/// Text `vermagic` of a module, which says which kernel it is for.
pub(super) struct Vermagic {
    pub(super) release: String,
    pub(super) has_symbol_versions: bool,
}

impl Image {
    /// Reads a module, and decompresses it if it is compressed by xz or zstd; `None` if it
    /// cannot be read, or is nothing of that.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let content = fs::read(path).ok()?;
        let content = if content.starts_with(XZ) {
            let mut image = Limited(Vec::new());
            lzma_rs::xz_decompress(&mut content.as_slice(), &mut image).ok()?;
            image.0
        } else if content.starts_with(ZSTD) {
            let mut image = Vec::new();
            let decoder = StreamingDecoder::new(content.as_slice()).ok()?;
            decoder.take(LARGEST).read_to_end(&mut image).ok()?;
            image
        } else {
            content
        };
        content.starts_with(ELF).then_some(Image(content))
    }

    /// Returns the value of a key of `.modinfo`, as `modinfo -F KEY` prints it.
    pub(super) fn information(&self, key: &str) -> Option<&str> {
        let start = format!("\0{key}=");
        let place = self
            .0
            .windows(start.len())
            .position(|window| window == start.as_bytes())?;
        let text = self.0.get(place + start.len()..)?;
        let end = text.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(text.get(..end)?).ok()
    }

    pub(super) fn vermagic(&self) -> Option<Vermagic> {
        let mut words = self.information("vermagic")?.split(' ');
        Some(Vermagic {
            release: words.next()?.to_owned(),
            has_symbol_versions: words.any(|word| word == "modversions"),
        })
    }

    pub(super) fn is_signed(&self) -> bool {
        self.0.ends_with(SIGNED)
    }

    /// The common name of who has issued the certificate of the module's key, of the PKCS #7
    /// message at its end: that is the certificate to be enrolled, be it that of an authority or,
    /// as it mostly is, that of the key itself. What certificates are in there come before it.
    pub(super) fn signer(&self) -> Option<String> {
        // id-at-commonName, and then a string: its type, its length, its bytes.
        const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
        const LONGEST: usize = 16384;
        let end = self.0.get(self.0.len().saturating_sub(LONGEST)..)?;
        let place = end
            .windows(COMMON_NAME.len())
            .rposition(|window| window == COMMON_NAME)?;
        let value = end.get(place + COMMON_NAME.len()..)?;
        let length = usize::from(*value.get(1)?);
        let name = std::str::from_utf8(value.get(2..2 + length)?).ok()?;
        (!name.chars().any(char::is_control)).then(|| name.to_owned())
    }
}

/// Writes to memory, up to the size of the largest module.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() as u64 + bytes.len() as u64 > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The programs that modules are compressed by: as DKMS does it, which is as the kernel
    /// wants it, by their defaults, and as the kernel's `make modules_install` does.
    const COMPRESSORS: [&[&str]; 3] = [
        &["xz", "--check=crc32", "--lzma2=dict=1MiB"],
        &["xz"],
        &["zstd", "-T0", "--rm", "-f", "-q"],
    ];

    fn module() -> Vec<u8> {
        let mut module = b"\x7fELF\0version=0.2.0\0vermagic=7.3.4-cloud-amd64 SMP \0".to_vec();
        // What does not compress well, and what does.
        module.extend((0..4096_u32).map(|it| (it.wrapping_mul(it) >> 3) as u8));
        module.extend([0; 4096]);
        module.extend(SIGNED);
        module
    }

    /// The module, compressed in each way.
    fn compressed() -> Vec<Vec<u8>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("module.ko");
        let by = |command: &&[&str]| {
            fs::write(&path, module()).unwrap();
            let mut program = Command::new(command[0]);
            let status = program.args(&command[1..]).arg(&path).status().unwrap();
            assert!(status.success());
            let suffix = if command[0] == "xz" { "xz" } else { "zst" };
            let file = path.with_extension(format!("ko.{suffix}"));
            let content = fs::read(&file).unwrap();
            fs::remove_file(file).unwrap();
            content
        };
        COMPRESSORS.iter().map(by).collect()
    }

    fn read(content: &[u8]) -> Option<Image> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("module.ko");
        fs::write(&path, content).unwrap();
        Image::read(&path)
    }

    #[test]
    fn a_compressed_module_says_the_same_as_one_that_is_not() {
        for content in [module()].iter().chain(&compressed()) {
            let image = read(content).unwrap();
            assert_eq!(image.0, module());
            assert_eq!(image.information("version"), Some("0.2.0"));
            assert_eq!(image.information("author"), None);
            assert_eq!(image.vermagic().unwrap().release, "7.3.4-cloud-amd64");
            assert!(image.is_signed());
        }
    }

    #[test]
    fn a_key_is_not_found_within_another_one() {
        let image = Image(b"\x7fELF\0srcversion=1\0version=2\0".to_vec());
        assert_eq!(image.information("version"), Some("2"));
    }

    #[test]
    fn a_module_that_is_cut_off_or_damaged_says_nothing() {
        for content in compressed() {
            for length in (0..content.len()).step_by(61) {
                assert!(read(&content[..length]).is_none(), "{length}");
            }
            let mut damaged = content.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x10;
            assert!(read(&damaged).is_none_or(|it| it.0 != module()));
        }
        assert!(read(b"").is_none());
        assert!(read(b"!<arch>\n").is_none());
    }

    #[test]
    fn what_would_take_all_memory_is_not_read() {
        let mut image = Limited(Vec::new());
        let block = vec![0; LARGEST as usize];
        assert!(io::Write::write_all(&mut image, &block).is_ok());
        assert!(io::Write::write_all(&mut image, &[0]).is_err());
    }
}
