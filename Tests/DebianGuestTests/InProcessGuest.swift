import Foundation
import GuestInit
import HostSystem
import Hypervisor

/// A Debian guest in this process, so that a test reaches its memory and its devices.
final class InProcessGuest {
  let guest: Guest
  private let input = Pipe()
  private let pipe = Pipe()
  private let recorder = OutputRecorder()
  private var isKilled = false

  /// Boots a guest of one vCPU that runs `script` with `images` as its vext disks.
  ///
  /// - Parameters:
  ///   - thread: serves the disks; nil: threads of the guest's own, which sleep.
  ///   - functions: more PCI functions, behind those of the disks.
  init(
    _ name: String, images: [String], folder: TemporaryFolder, thread: IOThread? = nil,
    functions: [any PCIFunction] = [], script: String
  ) throws {
    let initProgram = GuestInitImage.bytes()
    let root = try GuestRootDirectory.create(name: name, in: folder.file("roots"), initProgram: initProgram)
    let kernel = try KernelImage(
      path: KernelSearch.find(in: KernelSearch.installed(release: KernelSearch.hostRelease())))
    let archive = try Initramfs(
      initProgram: initProgram,
      moduleFiles: kernel.moduleFiles(for: [.virtioPCI, .panicNotifier, .fuse, .ninePFS]),
      task: GuestTask(script: Array((GuestReport.prelude + script).utf8)))
    var configuration = GuestConfiguration(
      machine: MachineConfiguration(name: name, memoryByteCount: 768 << 20, vcpuCount: 1), kernel: kernel,
      initrd: InitrdSource([.archive(archive)]),
      commandLine: KernelParameters(
        console: .serial,
        root: .share(tag: GuestRootDirectory.rootTag, initProgram: GuestRootDirectory.initPath),
        user: ["quiet"]
      ).text)
    configuration.vextDisks = images.map {
      GuestConfiguration.Disk(path: $0, isReadOnly: false, isDirect: false, queueCount: 4)
    }
    configuration.shares = [
      GuestConfiguration.Share(directory: root.path, tag: GuestRootDirectory.rootTag, isReadOnly: false),
      GuestConfiguration.Share(directory: "/", tag: GuestRootDirectory.hostTag, isReadOnly: true),
    ]
    recorder.record(pipe.fileHandleForReading)
    guest = try Guest(
      configuration, networks: [], input: input.fileHandleForReading.fileDescriptor,
      output: pipe.fileHandleForWriting.fileDescriptor, ioThreads: thread.map { [$0] } ?? [],
      startUp: StartUpClock(),
      machine: PendingMachine(configuration.machine))
    for function in functions { try guest.machine.pci.add(function) }
    try guest.start()
  }

  deinit { kill() }

  /// Types a line on its console.
  func typeLine() throws { try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8)) }

  /// What it printed.
  var console: String { recorder.text }

  /// Ends it at once, whatever it does: as if the power failed.
  func kill() {
    if !isKilled { guest.shutDown() }
    isKilled = true
  }

  /// Waits until it printed `text`.
  func wait(for text: String, within limit: Duration) throws {
    let deadline = ContinuousClock.now + limit
    while !console.contains(text) {
      guard guest.machine.end == nil, ContinuousClock.now < deadline else {
        throw TestFailure("the guest did not print '\(text)': \(console.suffix(3000))")
      }
      Thread.sleep(forTimeInterval: 0.02)
    }
  }
}
