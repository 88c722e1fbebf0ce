//! Whether a file will run where Azure runs it: an x86-64 Linux program that is static, or asks for no newer glibc than
//! the oldest that the platform's images have.
//!
//! The image for custom handlers is not documented; known ones are Debian 11 (glibc 2.31) and Debian 12 (2.36), and 2.28
//! is below both.

use object::Endianness;
use object::elf::{EM_X86_64, ET_DYN, ET_EXEC, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

/// The newest glibc that may be asked for.
pub(crate) const MAX_GLIBC: (u32, u32) = (2, 28);

/// What a program needs of the system it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it is static.
    Nothing,
    /// This glibc, or a newer one.
    Glibc(u32, u32),
}

/// Reads a program and answers what it needs, or why it cannot run there.
pub(crate) fn check(file: &[u8]) -> Result<Needs, String> {
    let header = FileHeader64::<Endianness>::parse(file).map_err(|_| "it is no 64-bit ELF file".to_owned())?;
    let endian = header.endian().map_err(|_| "it has no known byte order".to_owned())?;
    if header.e_machine(endian) != EM_X86_64 {
        return Err("it is not for x86-64".to_owned());
    }
    if !matches!(header.e_type(endian), ET_EXEC | ET_DYN) {
        return Err("it is no program".to_owned());
    }
    let unreadable = |error| format!("it cannot be read: {error}");
    let segments = header.program_headers(endian, file).map_err(unreadable)?;
    let is_static = !segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP);
    match needs(header, endian, file).map_err(unreadable)? {
        Needs::Nothing if !is_static => Err("it is neither static nor linked with glibc".to_owned()),
        Needs::Glibc(major, minor) if (major, minor) > MAX_GLIBC => {
            let (max_major, max_minor) = MAX_GLIBC;
            Err(format!("it needs glibc {major}.{minor}; {max_major}.{max_minor} is the newest that may be asked for"))
        }
        needs => Ok(needs),
    }
}

fn needs(header: &FileHeader64<Endianness>, endian: Endianness, file: &[u8]) -> object::Result<Needs> {
    let sections = header.sections(endian, file)?;
    let Some((mut libraries, strings)) = sections.gnu_verneed(endian, file)? else {
        return Ok(Needs::Nothing);
    };
    let strings = sections.strings(endian, file, strings)?;
    let mut newest = (0, 0);
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            let name = version.name(endian, strings)?;
            if let Some(version) = std::str::from_utf8(name).ok().and_then(glibc_version) {
                newest = newest.max(version);
            }
        }
    }
    Ok(Needs::Glibc(newest.0, newest.1))
}

/// `GLIBC_2.28` or `GLIBC_2.2.5` as major and minor.
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let mut parts = name.strip_prefix("GLIBC_")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header and nothing else: class, machine and type as asked.
    fn header(class: u8, kind: u16, machine: u16) -> Vec<u8> {
        let mut file = vec![0_u8; 64];
        file[..6].copy_from_slice(&[0x7F, b'E', b'L', b'F', class, 1]);
        file[6] = 1;
        file[16..18].copy_from_slice(&kind.to_le_bytes());
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[20] = 1;
        file[52] = 64;
        file
    }

    #[test]
    fn what_is_no_x86_64_linux_program_is_refused() {
        for (file, why) in [
            (b"MZ\x90\0".to_vec(), "no 64-bit ELF"),
            (b"#!/bin/sh\n".to_vec(), "no 64-bit ELF"),
            (Vec::new(), "no 64-bit ELF"),
            (header(1, ET_EXEC.0, EM_X86_64.0), "no 64-bit ELF"),
            (header(2, ET_EXEC.0, 183), "not for x86-64"),
            (header(2, 1, EM_X86_64.0), "no program"),
        ] {
            let told = check(&file).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert_eq!(check(&header(2, ET_EXEC.0, EM_X86_64.0)), Ok(Needs::Nothing), "no sections: static");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc_version("GLIBC_2.28"), Some((2, 28)));
        assert_eq!(glibc_version("GCC_3.0"), None);
        assert!((2, 4) < MAX_GLIBC && (2, 34) > MAX_GLIBC);
    }

    /// The test program itself was built for this machine.
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    #[test]
    fn a_program_for_this_machine_is_judged_by_its_glibc() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        match check(&own) {
            Ok(Needs::Glibc(major, minor)) => assert!((major, minor) <= MAX_GLIBC),
            Ok(Needs::Nothing) => panic!("it is not static"),
            Err(why) => assert!(why.contains("needs glibc"), "{why}"),
        }
    }
}
