import HostSystem
import SystemPackage

/// The modules of an installed kernel, from depmod(8)'s `modules.dep` and `modules.builtin`.
///
/// A module's name is its file's name without the extension; `-` and `_` in it are equivalent.
public struct KernelModules: Sendable {
  /// A wanted module.
  struct Request: Equatable, Sendable {
    let name: String
    /// The purpose, for the error if the module is required and missing.
    let purpose: String
    let isRequired: Bool
  }

  /// The release, as `uname -r` prints it in the guest.
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

  /// Returns the files of the modules for `kinds` and of their dependencies, each once, in an order of loading.
  ///
  /// Modules that are built into the kernel have no file and are left out, and so are optional modules that the kernel
  /// lacks, or one of whose files cannot be read: a distribution may have them in a package of their own.
  public func files(for kinds: [GuestModuleKind]) throws(GuestRootError) -> [String] {
    try files(for: GuestModuleKind.allCases.filter(kinds.contains).flatMap(\.modules))
  }

  /// Returns the files as ``files(for:)`` does, for single modules.
  func files(for requests: [Request]) throws(GuestRootError) -> [String] {
    let names = requests.map { ModuleName($0.name) }
    let lines = dependencies.withBytes { text in
      Self.lines(of: text, named: names).map { line in line.map { text.extracting($0).array } }
    }
    let builtinLines = Self.lines(of: builtin.span, named: names)
    var files: [String] = []
    for (index, request) in requests.enumerated() {
      guard let line = lines[index] else {
        guard request.isRequired, builtinLines[index] == nil else { continue }
        throw .missingModule(name: request.name, purpose: request.purpose, release: release)
      }
      let order = loadOrder(line).filter { !files.contains($0) }
      guard request.isRequired || order.allSatisfy({ (try? NamedFiles.checkReadable($0)) != nil }) else {
        continue
      }
      for file in order {
        guard file.hasSuffix(".ko") || ModuleCompression(path: file) != nil else {
          throw .compressedModule(path: file)
        }
        files.append(file)
      }
    }
    return files
  }

  /// The files of a line of modules.dep, "MODULE: DEPENDENCY...", whose last dependency must be loaded first.
  private func loadOrder(_ line: [UInt8]) -> [String] {
    line.split { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: " ") }.reversed().map { file in
      let path = String(decoding: file, as: UTF8.self)
      return path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
  }

  /// Finds, for each name, the line of `text` that begins with the path of the module's file.
  private static func lines(of text: Span<UInt8>, named names: [ModuleName]) -> [Range<Int>?] {
    var found = [Range<Int>?](repeating: nil, count: names.count)
    var start = 0
    // modules.dep has half a megabyte and is searched at every start of a guest, so that the C library searches it.
    while start < text.count {
      let line = text.extracting(
        start..<start + text.extracting(start...).count(before: UInt8(ascii: "\n")))
      let path = line.extracting(..<line.count(before: UInt8(ascii: ":")))
      let name = path.extracting(path.count(throughLast: UInt8(ascii: "/"))...)
      for index in names.indices where names[index].isFile(named: name) {
        found[index] = start..<start + line.count
      }
      start += line.count + 1
    }
    return found
  }
}

extension KernelImage {
  /// Returns the files of the modules that a guest of this kernel needs for `kinds`, in an order of loading.
  ///
  /// A kernel without a release name or without a folder of modules is assumed to have everything built in.
  public func moduleFiles(for kinds: [GuestModuleKind]) throws(GuestRootError) -> [String] {
    guard let release = kernelRelease, (try? NamedFiles.checkReadable("/lib/modules/\(release)")) != nil
    else {
      return []
    }
    return try KernelModules(release: release).files(for: kinds)
  }
}

/// A kernel module's name, in which `-` and `_` are equivalent.
struct ModuleName {
  private let bytes: [UInt8]

  init(_ name: String) { bytes = name.utf8.map(Self.folded) }

  private static func folded(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte }

  /// Whether `file` is the name of the module's file: with ".ko" and, for a compressed file, another extension.
  func isFile(named file: Span<UInt8>) -> Bool {
    let extensionStart = bytes.count
    guard file.count >= extensionStart + 3, file[extensionStart] == UInt8(ascii: "."),
      file[extensionStart + 1] == UInt8(ascii: "k"), file[extensionStart + 2] == UInt8(ascii: "o")
    else { return false }
    for index in bytes.indices where Self.folded(file[index]) != bytes[index] { return false }
    return true
  }
}
