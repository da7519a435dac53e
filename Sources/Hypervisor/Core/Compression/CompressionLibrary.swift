import Glibc

/// A library of the system's that decompresses: liblzma, libzstd or zlib, looked for where dlopen(3) does.
// SAFETY: the functions have the types that the libraries' headers (lzma/container.h, zstd.h, zlib.h) give them, and a library
// stays loaded.
@safe
struct CompressionLibrary {
  /// What the library reads.
  enum Format {
    case xz
    case zstd
    case gzip
    /// Deflate without a header, as in qcow2 images.
    case deflate
  }

  /// A library that is not installed.
  struct Missing: Error {
    let name: String
  }

  /// What came of an attempt.
  enum Outcome {
    case contents([UInt8])
    case needsRoom
    case damaged
  }

  private typealias DecodeXZ =
    @convention(c) (
      UnsafeMutablePointer<UInt64>, UInt32, UnsafeRawPointer?, UnsafePointer<UInt8>?,
      UnsafeMutablePointer<Int>, Int,
      UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>, Int
    ) -> Int32
  private typealias DecodeZstd =
    @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int) -> Int
  private typealias ZstdContentSize = @convention(c) (UnsafeRawPointer?, Int) -> UInt64
  private typealias ZstdIsError = @convention(c) (Int) -> UInt32
  private typealias InflateStart =
    @convention(c) (UnsafeMutableRawPointer, Int32, UnsafePointer<CChar>, Int32) -> Int32
  private typealias Inflate = @convention(c) (UnsafeMutableRawPointer, Int32) -> Int32
  private typealias InflateEnd = @convention(c) (UnsafeMutableRawPointer) -> Int32

  private typealias ZstdFrameSize = @convention(c) (UnsafeRawPointer?, Int) -> Int

  private let format: Format
  private let handle: UnsafeMutableRawPointer

  /// Loads the library.
  init(_ format: Format) throws(Missing) {
    let name: String
    let symbols: [String]
    switch format {
    case .xz: (name, symbols) = ("liblzma.so.5", ["lzma_stream_buffer_decode"])
    case .zstd:
      (name, symbols) = (
        "libzstd.so.1",
        ["ZSTD_decompress", "ZSTD_findFrameCompressedSize", "ZSTD_getFrameContentSize", "ZSTD_isError"]
      )
    case .gzip, .deflate: (name, symbols) = ("libz.so.1", ["inflateInit2_", "inflate", "inflateEnd"])
    }
    guard let handle = unsafe dlopen(name, RTLD_NOW), symbols.allSatisfy({ unsafe dlsym(handle, $0) != nil })
    else { throw Missing(name: name) }
    unsafe self.handle = unsafe handle
    self.format = format
  }

  /// The size of the contents, where the compressed file says it.
  func contentByteCount(of bytes: [UInt8]) -> Int? {
    switch format {
    case .xz, .deflate: return nil
    case .zstd:
      let size: ZstdContentSize = unsafe function("ZSTD_getFrameContentSize")
      // The two largest values mean that it is not known, or that this is no frame.
      return unsafe Int(exactly: size(bytes, bytes.count)).flatMap { $0 > 0 && $0 < 1 << 32 ? $0 : nil }
    case .gzip:
      // The last four bytes have it modulo 2^32 (RFC 1952).
      guard bytes.count >= 18 else { return nil }
      let size = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      return size > 0 ? size : nil
    }
  }

  /// Decompresses into at most `room` bytes.
  func decompress(_ bytes: [UInt8], room: Int) -> Outcome {
    var outcome = Outcome.damaged
    let contents = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      switch format {
      case .xz: outcome = unsafe decodeXZ(bytes, into: buffer, &count)
      case .zstd: outcome = unsafe decodeZstd(bytes, into: buffer, &count)
      // 16 for the gzip header.
      case .gzip:
        outcome = unsafe bytes.withUnsafeBufferPointer {
          unsafe inflate($0, windowBits: 15 + 16, into: buffer, &count)
        }
      case .deflate:
        outcome = unsafe bytes.withUnsafeBufferPointer {
          unsafe inflate($0, windowBits: -15, into: buffer, &count)
        }
      }
    }
    if case .contents = outcome { return .contents(contents) }
    return outcome
  }

  private func decodeXZ(
    _ bytes: [UInt8], into buffer: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int
  ) -> Outcome {
    let decode: DecodeXZ = unsafe function("lzma_stream_buffer_decode")
    var (memoryLimit, position, written): (UInt64, Int, Int) = (1 << 30, 0, 0)
    let result = unsafe decode(
      &memoryLimit, 0, nil, bytes, &position, bytes.count, buffer.baseAddress, &written, buffer.count)
    // LZMA_OK, and LZMA_BUF_ERROR where the room is too small; a file that ends too early is LZMA_DATA_ERROR.
    if result == 0 {
      count = written
      return .contents([])
    }
    return result == 10 ? .needsRoom : .damaged
  }

  private func decodeZstd(
    _ bytes: [UInt8], into buffer: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int
  ) -> Outcome {
    let decode: DecodeZstd = unsafe function("ZSTD_decompress")
    let isError: ZstdIsError = unsafe function("ZSTD_isError")
    let result = unsafe decode(buffer.baseAddress, buffer.count, bytes, bytes.count)
    if isError(result) == 0 {
      // No frame at all is no error of zstd's.
      guard result > 0 else { return .damaged }
      count = result
      return .contents([])
    }
    // ZSTD_error_dstSize_tooSmall, negative as zstd returns errors.
    return result == -70 ? .needsRoom : .damaged
  }

  /// struct z_stream of zlib.h.
  @unsafe
  private struct InflateStream {
    var input: UnsafePointer<UInt8>?
    var inputByteCount: UInt32 = 0
    var totalInput: UInt = 0
    var output: UnsafeMutablePointer<UInt8>?
    var outputByteCount: UInt32 = 0
    var totalOutput: UInt = 0
    var message: UnsafePointer<CChar>?
    var state: UnsafeMutableRawPointer?
    var allocate: UnsafeRawPointer?
    var free: UnsafeRawPointer?
    var opaque: UnsafeMutableRawPointer?
    var dataType: Int32 = 0
    var checksum: UInt = 0
    var reserved: UInt = 0
  }

  /// Fills `buffer` with the contents of a cluster of an image, behind which there may be other bytes.
  ///
  /// - Returns: whether there was enough to fill it.
  func fill(_ target: inout MutableSpan<UInt8>, from source: Span<UInt8>) -> Bool {
    unsafe target.withUnsafeMutableBufferPointer { buffer in
      unsafe source.withUnsafeBufferPointer { unsafe fill(buffer, from: $0) }
    }
  }

  private func fill(_ buffer: UnsafeMutableBufferPointer<UInt8>, from bytes: UnsafeBufferPointer<UInt8>)
    -> Bool
  {
    guard format == .zstd else {
      var count = 0
      if case .damaged = unsafe inflate(bytes, windowBits: -15, into: buffer, &count) { return false }
      return count == buffer.count
    }
    let decode: DecodeZstd = unsafe function("ZSTD_decompress")
    let frameSize: ZstdFrameSize = unsafe function("ZSTD_findFrameCompressedSize")
    let isError: ZstdIsError = unsafe function("ZSTD_isError")
    var (taken, count) = (0, 0)
    while count < buffer.count, let source = bytes.baseAddress, let target = buffer.baseAddress {
      let size = unsafe frameSize(source + taken, bytes.count - taken)
      guard isError(size) == 0, size > 0, size <= bytes.count - taken else { return false }
      let result = unsafe decode(target + count, buffer.count - count, source + taken, size)
      guard isError(result) == 0, result <= buffer.count - count else { return false }
      (taken, count) = (taken + size, count + result)
    }
    return count == buffer.count
  }

  private func inflate(
    _ input: UnsafeBufferPointer<UInt8>, windowBits: Int32, into buffer: UnsafeMutableBufferPointer<UInt8>,
    _ count: inout Int
  ) -> Outcome {
    let start: InflateStart = unsafe function("inflateInit2_")
    let run: Inflate = unsafe function("inflate")
    let end: InflateEnd = unsafe function("inflateEnd")
    var stream = unsafe InflateStream()
    unsafe stream.input = input.baseAddress
    unsafe stream.inputByteCount = UInt32(clamping: input.count)
    unsafe stream.output = buffer.baseAddress
    unsafe stream.outputByteCount = UInt32(clamping: buffer.count)
    // 1.2.3 is the oldest version with this structure.
    let byteCount = unsafe Int32(MemoryLayout<InflateStream>.size)
    guard unsafe start(&stream, windowBits, "1.2.3", byteCount) == 0 else { return .damaged }
    let result = unsafe run(&stream, 4)  // Z_FINISH
    count = unsafe Int(stream.totalOutput)
    _ = unsafe end(&stream)
    // Z_STREAM_END; Z_BUF_ERROR and Z_OK where there was no room for all.
    if result == 1 { return .contents([]) }
    return unsafe (result == 0 || result == -5) && stream.outputByteCount == 0 ? .needsRoom : .damaged
  }

  /// The caller names the function's type.
  @unsafe
  private func function<Function>(_ name: String) -> Function {
    // SAFETY: `init` found the symbol.
    guard let address = unsafe dlsym(handle, name) else { preconditionFailure("\(name) was there") }
    return unsafe unsafeBitCast(address, to: Function.self)
  }
}
