use super::*;
use flate2::GzBuilder;
use flate2::read::GzDecoder;
use proptest::prelude::*;

fn packed(content: &[u8], level: u8) -> Vec<u8> {
    let mut writer = Writer::new(level);
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    Reader::new(Bytes::copy_from_slice(bytes)).read_to_end(&mut plain).map(|_| plain)
}

/// The same, in pieces of that length.
fn passed(bytes: &[u8], length: usize) -> io::Result<Vec<u8>> {
    let (mut unpacker, mut plain) = (Unpacker::default(), Vec::new());
    for piece in bytes.chunks(length) {
        unpacker.push(piece, &mut plain)?;
    }
    unpacker.finish().map(|()| plain)
}

fn crc(bytes: &[u8]) -> u32 {
    let mut checksum = Checksum::default();
    checksum.update(bytes);
    checksum.value
}

/// A stream of others: with all fields a header can have, or none of them.
fn foreign(content: &[u8], fields: bool) -> Vec<u8> {
    let builder = GzBuilder::new();
    let builder = if fields { builder.filename("a.tar").comment("b").extra([7; 700]) } else { builder };
    let mut encoder = builder.write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// That stream, with a checksum of its header.
fn with_header_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[3] |= 0b10;
    let stated = crc(&bytes[..10]).to_le_bytes();
    bytes.splice(10..10, [stated[0], stated[1]]);
    bytes
}

#[test]
fn checksums_are_the_known_ones() {
    for (text, expected) in [
        ("", 0),
        ("a", 0xe8b7_be43),
        ("abc", 0x3524_41c2),
        ("123456789", 0xcbf4_3926),
        ("The quick brown fox jumps over the lazy dog", 0x414f_a339),
    ] {
        assert_eq!(crc(text.as_bytes()), expected, "{text}");
    }
    assert_eq!(crc(&[0; 32]), 0x190a_55ad);
}

#[test]
fn a_stream_is_written_byte_for_byte_as_others_do() {
    let long = vec![b'y'; 300_000];
    for content in [&b""[..], b"x", &long] {
        let other = |level| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(packed(content, 1), other(1));
        assert_eq!(packed(content, 6), other(6));
    }
}

#[test]
fn fields_of_the_header_are_passed_over() {
    let long = GzBuilder::new().extra(vec![1; 65_535]).write(Vec::new(), flate2::Compression::new(1));
    for bytes in [
        foreign(b"content", false),
        foreign(b"content", true),
        with_header_checksum(foreign(b"content", false)),
    ] {
        assert_eq!(unpacked(&bytes).unwrap(), b"content");
        assert_eq!(passed(&bytes, 1).unwrap(), b"content");
    }
    assert_eq!(unpacked(&long.finish().unwrap()).unwrap(), b"");
}

#[test]
fn what_does_not_end_a_header_ends_the_reading() {
    let mut endless = vec![0x1f, 0x8b, 8, 0b1000, 0, 0, 0, 0, 0, 0xff];
    endless.resize(1 << 20, b'a');
    assert_eq!(unpacked(&endless).unwrap_err().to_string(), "gzip header field too long");
    assert_eq!(passed(&endless, 700).unwrap_err().to_string(), "gzip header field too long");
}

#[test]
fn damage_is_found() {
    let good = foreign(&[b'z'; 1000], false);
    let damaged = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let end = good.len();
    for (at, message) in [
        (0, "invalid gzip header"),
        (2, "invalid gzip header"),
        (end - 8, "corrupt gzip stream does not have a matching checksum"),
        (end - 1, "corrupt gzip stream does not have a matching checksum"),
    ] {
        assert_eq!(unpacked(&damaged(at)).unwrap_err().to_string(), message, "{at}");
        assert_eq!(passed(&damaged(at), 3).unwrap_err().to_string(), message, "{at}");
    }
    let mut header = with_header_checksum(good.clone());
    header[4] ^= 1;
    assert!(unpacked(&header).is_err(), "the header has a checksum too");
    for length in 0..end {
        assert_eq!(unpacked(&good[..length]).unwrap_err().kind(), ErrorKind::UnexpectedEof, "{length}");
        assert_eq!(passed(&good[..length], 5).unwrap_err().kind(), ErrorKind::UnexpectedEof, "{length}");
    }
}

#[test]
fn what_follows_is_an_error_where_a_stream_passes_and_nothing_where_it_is_read() {
    let twice = [foreign(b"one", false), foreign(b"two", false)].concat();
    assert_eq!(unpacked(&twice).unwrap(), b"one");
    assert!(passed(&twice, 1000).is_err());
    assert!(passed(&twice, 1).is_err());
}

#[test]
fn an_error_of_the_receiver_is_handed_on() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("seen enough"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Unpacker::default().push(&foreign(b"content", false), &mut Full).unwrap_err();
    assert_eq!(error.to_string(), "seen enough");
}

proptest! {
    #[test]
    fn checksums_are_those_of_others(pieces: Vec<Vec<u8>>) {
        let (mut own, mut other) = (Checksum::default(), flate2::Crc::new());
        for piece in &pieces {
            own.update(piece);
            other.update(piece);
        }
        prop_assert_eq!((own.value, own.length), (other.sum(), other.amount()));
    }

    #[test]
    fn what_is_packed_is_unpacked(content: Vec<u8>, times in 1_usize..3000, level in 1_u8..10, length in 1_usize..9000) {
        let content = content.repeat(times);
        let bytes = packed(&content, level);
        let mut plain = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
        prop_assert_eq!(&plain, &content);
        prop_assert_eq!(&unpacked(&bytes).unwrap(), &content);
        prop_assert_eq!(&passed(&foreign(&content, times % 2 == 0), length).unwrap(), &content);
    }

    #[test]
    fn no_bytes_panic(mut bytes: Vec<u8>, at: usize, value: u8) {
        let _ = (unpacked(&bytes), passed(&bytes, 3));
        bytes = foreign(&bytes, at.is_multiple_of(2));
        let at = at % bytes.len();
        bytes[at] = value;
        prop_assert_eq!(unpacked(&bytes).ok(), passed(&bytes, 7).ok());
    }
}
