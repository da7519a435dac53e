import Foundation
import Hypervisor

/// A program that serves the disks of micro guests.
enum BackEnd: CaseIterable, Sendable {
  /// This build's vextd, over the vext queue.
  case vextd
  /// The same over vhost-user.
  case vextdVhostUser
  /// QEMU's qemu-storage-daemon, over vhost-user.
  case storageDaemon

  /// The Debian package that has it; nil for a program of this build.
  var package: String? {
    switch self {
    case .vextd, .vextdVhostUser: nil
    case .storageDaemon: "qemu-system-common"
    }
  }

  /// What it is called.
  var programName: String {
    switch self {
    case .vextd, .vextdVhostUser: "vextd"
    case .storageDaemon: "qemu-storage-daemon"
    }
  }

  /// The socket in `folder` at which it serves the disk of a guest.
  func socket(of guest: Int, in folder: String) -> String {
    self == .vextd ? Self.service(in: folder) : "\(folder)/disk\(guest)"
  }

  private static func service(in folder: String) -> String { "\(folder)/vextd" }

  /// The disk of a guest that it serves at `socket`.
  func disk(of guest: Int, at socket: String) -> MicroDisk {
    switch self {
    case .vextd:
      .service(
        path: socket, name: "disk\(guest)",
        successorTimeoutNanoseconds: VextServiceClient.defaultSuccessorTimeoutNanoseconds)
    case .vextdVhostUser, .storageDaemon: .vhostUser(path: socket)
    }
  }

  /// Where the program is.
  ///
  /// - Throws: ``BenchFailure`` if it is not there.
  func program(
    folder: URL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent(),
    find: (String) -> String? = CommandRun.find
  ) throws -> String {
    switch self {
    case .vextd, .vextdVhostUser:
      let path = folder.appending(path: programName).path
      guard let program = find(path) else {
        throw BenchFailure(
          "\(path) is not built; 'swift build' with the options of bench's build builds it",
          exitCode: .unavailable)
      }
      return program
    case .storageDaemon:
      guard let program = find(programName) else {
        throw BenchFailure(
          "\(programName) is not installed (Debian: \(package ?? ""))", exitCode: .unavailable)
      }
      return program
    }
  }

  /// Why it cannot serve a disk by `engine`; nil if it can.
  func objection(to engine: BlockEngineKind, usesDirectIO: Bool) -> String? {
    switch (self, engine) {
    case (.vextd, _), (.vextdVhostUser, _): nil
    case (.storageDaemon, .libaio) where !usesDirectIO:
      "QEMU's aio=native needs O_DIRECT: take --engine io_uring with --no-direct"
    case (.storageDaemon, .memory): "qemu-storage-daemon keeps no disk in its memory"
    case (.storageDaemon, .libaio), (.storageDaemon, .ioUring), (.storageDaemon, .sync),
      (.storageDaemon, .null):
      nil
    }
  }

  /// The arguments with which it serves `disks`.
  func arguments(_ disks: [BackEndDisk], engine: BlockEngineKind, folder: String) -> [String] {
    switch self {
    case .vextd, .vextdVhostUser:
      ["--socket", Self.service(in: folder), "--engine", engine.rawValue]
        + disks.enumerated().flatMap { index, disk in
          [
            "--disk",
            "disk\(index)=\(disk.path),format=raw" + (disk.isReadOnly ? ",ro" : "")
              + (disk.isDirect ? ",direct" : ""),
          ] + (self == .vextd ? [] : ["--vhost-user", "disk\(index)=\(disk.socket)"])
        }
    case .storageDaemon:
      ["--object", "iothread,id=io0"]
        + disks.enumerated().flatMap { index, disk in
          Self.nodes(disk, index: index, engine: engine).flatMap { ["--blockdev", $0] } + [
            "--export",
            "vhost-user-blk,id=export\(index),node-name=disk\(index),iothread=io0,num-queues=\(disk.queueCount),"
              + "writable=\(disk.isReadOnly ? "off" : "on"),addr.type=unix,addr.path=\(disk.socket)",
          ]
        }
    }
  }

  private static func nodes(_ disk: BackEndDisk, index: Int, engine: BlockEngineKind) -> [String] {
    let access = "read-only=\(disk.isReadOnly ? "on" : "off")"
    let cache = "cache.direct=\(disk.isDirect ? "on" : "off")"
    let aio: String
    switch engine {
    case .null:
      return ["driver=null-co,node-name=disk\(index),size=\(disk.byteCount),read-zeroes=off,\(access)"]
    case .ioUring: aio = "io_uring"
    case .libaio: aio = "native"
    case .sync, .memory: aio = "threads"
    }
    let name = QEMUCommand.quoted(disk.path)
    return [
      "driver=\(disk.isBlockDevice ? "host_device" : "file"),node-name=file\(index),filename=\(name),aio=\(aio),"
        + "\(cache),\(access),auto-read-only=off,locking=off,discard=unmap",
      "driver=raw,node-name=disk\(index),file=file\(index),\(cache),\(access),discard=unmap",
    ]
  }
}

/// A disk that a back end serves, and where.
struct BackEndDisk: Equatable, Sendable {
  var path: String
  var byteCount: UInt64
  var isBlockDevice = false
  var isReadOnly = false
  var isDirect = false
  var queueCount = 1
  /// The Unix socket at which it listens.
  var socket: String
}
