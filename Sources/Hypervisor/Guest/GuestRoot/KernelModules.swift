import CLinux
import SystemPackage

/// The modules of an installed kernel, as depmod(8) lists them in `modules.dep` and `modules.builtin`.
///
/// A module's name is its file's name without the extension; `-` and `_` in it are the same.
public struct KernelModules: Sendable {
  /// One module that is wanted.
  struct Request: Equatable, Sendable {
    let name: String
    /// For the error, if it is required and missing.
    let purpose: String
    let isRequired: Bool
  }

  /// The version that `uname -r` prints in the guest.
  public let release: String
  private let folder: String
  private let dependencies: MappedFile
  private let builtin: [UInt8]

  /// Reads the lists of the kernel `release`.
  public init(release: String, root: String = "/lib/modules") throws(GuestRootError) {
    self.release = release
    folder = "\(root)/\(release)"
    let path = "\(folder)/modules.dep"
    do throws(Errno) {
      dependencies = try MappedFile(path)
    } catch .noSuchFileOrDirectory {
      throw .noModules(release: release, path: path)
    } catch {
      throw .cannotRead(path: path, error)
    }
    do throws(Errno) {
      builtin = try HostFile.contents(of: "\(folder)/modules.builtin")
    } catch .noSuchFileOrDirectory {
      builtin = []
    } catch {
      throw .cannotRead(path: "\(folder)/modules.builtin", error)
    }
  }

  /// The files of the modules for `kinds` and of all that they depend on, each once, in an order to load them in.
  ///
  /// What is built into the kernel has no file and is left out, as is what the guest can do without and the kernel
  /// lacks.
  public func files(for kinds: Set<GuestModuleKind>) throws(GuestRootError) -> [String] {
    try files(for: GuestModuleKind.allCases.filter(kinds.contains).flatMap(\.modules))
  }

  /// As ``files(for:)``, for single modules.
  func files(for requests: [Request]) throws(GuestRootError) -> [String] {
    let names = requests.map { ModuleName($0.name) }
    let lines = dependencies.withBytes { text in
      Self.lines(of: text, named: names).map { line in line.map { Self.array(text.extracting($0)) } }
    }
    let builtinLines = Self.lines(of: builtin.span, named: names)
    var files: [String] = []
    var known: Set<String> = []
    for (index, request) in requests.enumerated() {
      guard let line = lines[index] else {
        guard request.isRequired, builtinLines[index] == nil else { continue }
        throw .missingModule(name: request.name, purpose: request.purpose, release: release)
      }
      for file in loadOrder(line) where known.insert(file).inserted {
        guard file.hasSuffix(".ko") else { throw .compressedModule(path: file) }
        files.append(file)
      }
    }
    return files
  }

  /// The files of one line of modules.dep, "MODULE: DEPENDENCY...", which lists what must be loaded last first.
  private func loadOrder(_ line: [UInt8]) -> [String] {
    line.split { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: " ") }.reversed().map { file in
      let path = String(decoding: file, as: UTF8.self)
      return path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
  }

  /// For each name, the line of `text` that begins with the path of its file.
  private static func lines(of text: Span<UInt8>, named names: [ModuleName]) -> [Range<Int>?] {
    var found = [Range<Int>?](repeating: nil, count: names.count)
    var start = 0
    // Half a megabyte, at every start of a guest: it is the C library that looks for bytes.
    while start < text.count {
      let line = text.extracting(start..<start + index(of: UInt8(ascii: "\n"), in: text.extracting(start...)))
      let path = line.extracting(..<index(of: UInt8(ascii: ":"), in: line))
      let name = path.extracting(indexBehindLast(UInt8(ascii: "/"), in: path)...)
      for index in names.indices where names[index].isFile(named: name) {
        found[index] = start..<start + line.count
      }
      start += line.count + 1
    }
    return found
  }

  private static func array(_ bytes: Span<UInt8>) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }

  /// The number of bytes before the first `byte`: all of them where it is not there.
  private static func index(of byte: UInt8, in bytes: Span<UInt8>) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe linux_index_of_byte(base, bytes.count, byte)
    }
  }

  /// The number of bytes up to the last `byte`, with it: 0 where it is not there.
  private static func indexBehindLast(_ byte: UInt8, in bytes: Span<UInt8>) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe linux_index_behind_last_byte(base, bytes.count, byte)
    }
  }
}
