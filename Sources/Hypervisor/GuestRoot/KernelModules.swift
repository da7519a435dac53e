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
  private let dependencies: [UInt8]
  private let builtin: [UInt8]

  /// Reads the lists of the kernel `release`.
  public init(release: String, root: String = "/lib/modules") throws(GuestRootError) {
    self.release = release
    folder = "\(root)/\(release)"
    let path = "\(folder)/modules.dep"
    do throws(Errno) {
      dependencies = try HostFile.contents(of: path)
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
    let lines = Self.lines(of: dependencies, named: names)
    let builtinLines = Self.lines(of: builtin, named: names)
    var files: [String] = []
    var known: Set<String> = []
    for (index, request) in requests.enumerated() {
      guard let line = lines[index] else {
        guard request.isRequired, builtinLines[index] == nil else { continue }
        throw .missingModule(name: request.name, purpose: request.purpose, release: release)
      }
      for file in loadOrder(dependencies[line]) where known.insert(file).inserted {
        guard file.hasSuffix(".ko") else { throw .compressedModule(path: file) }
        files.append(file)
      }
    }
    return files
  }

  /// The files of one line of modules.dep, "MODULE: DEPENDENCY...", which lists what must be loaded last first.
  private func loadOrder(_ line: ArraySlice<UInt8>) -> [String] {
    let separators: Set<UInt8> = [UInt8(ascii: ":"), UInt8(ascii: " ")]
    return line.split { separators.contains($0) }.reversed().map { file in
      let path = String(decoding: file, as: UTF8.self)
      return path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
  }

  /// For each name, the line of `text` that begins with the path of its file.
  private static func lines(of text: [UInt8], named names: [ModuleName]) -> [Range<Int>?] {
    var found = [Range<Int>?](repeating: nil, count: names.count)
    let bytes = text.span
    var start = 0
    while start < bytes.count {
      // The file's name stands between the last slash before ".ko" and that.
      var nameStart = start
      var end = start
      while end < bytes.count, bytes[end] != UInt8(ascii: ":"), bytes[end] != UInt8(ascii: "\n") {
        if bytes[end] == UInt8(ascii: "/") { nameStart = end + 1 }
        end += 1
      }
      let nameEnd = end
      // Most of a line is its dependencies: half a megabyte of them, at every start of a guest.
      end += lengthOfLine(bytes.extracting(end...))
      for index in names.indices where names[index].isFile(named: bytes.extracting(nameStart..<nameEnd)) {
        found[index] = start..<end
      }
      start = end + 1
    }
    return found
  }

  /// The number of bytes before the first newline.
  private static func lengthOfLine(_ bytes: Span<UInt8>) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe linux_index_of_byte(base, bytes.count, UInt8(ascii: "\n"))
    }
  }
}
