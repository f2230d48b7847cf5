// SPDX-License-Identifier: GPL-2.0

//! The qtest protocol: a line of request, a line of answer.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Width of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 1 byte.
    Byte = 1,
    /// 2 bytes.
    Word = 2,
    /// 4 bytes.
    Long = 4,
    /// 8 bytes.
    Quad = 8,
}

impl Width {
    /// Every width there is.
    pub const ALL: [Self; 4] = [Self::Byte, Self::Word, Self::Long, Self::Quad];

    /// The width in bytes.
    pub fn bytes(self) -> u64 {
        self as u64
    }

    fn letter(self) -> char {
        match self {
            Self::Byte => 'b',
            Self::Word => 'w',
            Self::Long => 'l',
            Self::Quad => 'q',
        }
    }
}

/// One access of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read memory at an address; the answer is the value.
    Read(Width, u64),
    /// Write the value's low bytes to memory at an address.
    Write(Width, u64, u64),
    /// Read 4 bytes of an I/O port; the answer is the value.
    In(u16),
    /// Write 4 bytes to an I/O port.
    Out(u16, u32),
    /// Let so many nanoseconds of virtual time pass; the answer is of no use.
    Pass(u64),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(width, address) => write!(f, "read{} {address:#x}", width.letter()),
            Self::Write(width, address, value) => {
                write!(f, "write{} {address:#x} {value:#x}", width.letter())
            }
            Self::In(port) => write!(f, "inl {port:#x}"),
            Self::Out(port, value) => write!(f, "outl {port:#x} {value:#x}"),
            Self::Pass(time) => write!(f, "clock_step {time}"),
        }
    }
}

/// The processor's side of a machine.
#[derive(Debug)]
pub struct Qtest {
    answers: BufReader<UnixStream>,
    requests: UnixStream,
}

impl Qtest {
    pub(crate) fn new(stream: UnixStream) -> Self {
        let requests = stream.try_clone().expect("duplicating the qtest socket");
        Self {
            answers: BufReader::new(stream),
            requests,
        }
    }

    /// Makes one access. The answer to a write is 0.
    pub fn access(&mut self, request: Request) -> u64 {
        self.send(&format!("{request}\n"));
        self.answer(&request)
    }

    /// Makes all the accesses in order, without waiting for each one's answer.
    pub fn access_all(&mut self, requests: &[Request]) -> Vec<u64> {
        let mut lines = String::new();
        for request in requests {
            lines += &format!("{request}\n");
        }
        self.send(&lines);
        requests.iter().map(|r| self.answer(r)).collect()
    }

    /// Reads memory.
    pub fn read(&mut self, width: Width, address: u64) -> u64 {
        self.access(Request::Read(width, address))
    }

    /// Writes memory.
    pub fn write(&mut self, width: Width, address: u64, value: u64) {
        self.access(Request::Write(width, address, value));
    }

    /// Reads a number of bytes of memory, at least one.
    pub fn read_memory(&mut self, address: u64, size: usize) -> Vec<u8> {
        let request = format!("read {address:#x} {size:#x}");
        self.send(&format!("{request}\n"));
        let digits = self.line(&request);
        digits
            .trim_start_matches("0x")
            .as_bytes()
            .chunks(2)
            .map(|pair| {
                let pair = std::str::from_utf8(pair).expect("digits");
                u8::from_str_radix(pair, 16).expect("two digits")
            })
            .collect()
    }

    /// Writes bytes to memory.
    pub fn write_memory(&mut self, address: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut request = format!("write {address:#x} {:#x} 0x", bytes.len());
        for byte in bytes {
            request += &format!("{byte:02x}");
        }
        self.send(&format!("{request}\n"));
        self.line(&request);
    }

    /// Reads 4 bytes of an I/O port.
    pub fn inl(&mut self, port: u16) -> u32 {
        u32::try_from(self.access(Request::In(port))).expect("inl gave more than 32 bits")
    }

    /// Writes 4 bytes to an I/O port.
    pub fn outl(&mut self, port: u16, value: u32) {
        self.access(Request::Out(port, value));
    }

    /// Lets virtual time pass, which does not by itself.
    pub fn pass(&mut self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).expect("a time of some years");
        self.access(Request::Pass(time));
    }

    fn send(&mut self, lines: &str) {
        self.requests
            .write_all(lines.as_bytes())
            .expect("QEMU closed the qtest socket");
    }

    fn answer(&mut self, request: &Request) -> u64 {
        let word = self.line(request);
        if word.is_empty() {
            return 0;
        }
        u64::from_str_radix(word.trim_start_matches("0x"), 16)
            .unwrap_or_else(|e| panic!("answer to '{request}': {word:?}: {e}"))
    }

    /// Returns what an answer says beyond that all went well.
    fn line(&mut self, request: &dyn fmt::Display) -> String {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .unwrap_or_else(|e| panic!("no answer to '{request}': {e}"));
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("OK"), "answer to '{request}': {line:?}");
        words.next().unwrap_or_default().to_owned()
    }
}
