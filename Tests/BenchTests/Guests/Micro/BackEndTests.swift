import ArgumentParser
import Foundation
import Hypervisor
import Testing

@testable import Bench

/// The back ends of vhost-user that bench starts for micro guests.
struct BackEndTests {
  private let disk = BackEndDisk(
    path: "/a,b", byteCount: 4096, isDirect: true, queueCount: 2, socket: "/s/disk0")

  @Test func `vextd gets a disk for each guest, all at one socket`() {
    let words = BackEnd.vextd.arguments([disk, disk], engine: .null, folder: "/s")
    #expect(
      words == [
        "--socket", "/s/vextd", "--engine", "null", "--disk", "disk0=/a,b,format=raw,direct", "--disk",
        "disk1=/a,b,format=raw,direct",
      ])
    #expect((0...1).map { BackEnd.vextd.socket(of: $0, in: "/s") } == ["/s/vextd", "/s/vextd"])
  }

  @Test func `over vhost-user vextd gets a disk and a socket for each guest`() {
    let words = BackEnd.vextdVhostUser.arguments([disk], engine: .ioUring, folder: "/s")
    #expect(
      words == [
        "--socket", "/s/vextd", "--engine", "io_uring", "--disk", "disk0=/a,b,format=raw,direct",
        "--vhost-user",
        "disk0=/s/disk0",
      ])
  }

  @Test func `qemu-storage-daemon gets nodes and an export for each guest`() {
    let words = BackEnd.storageDaemon.arguments([disk], engine: .libaio, folder: "/s").joined(separator: " ")
    #expect(words.contains("driver=file,node-name=file0,filename=/a,,b,aio=native,cache.direct=on"))
    #expect(
      words.contains(
        "node-name=disk0,iothread=io0,num-queues=2,writable=on,addr.type=unix,addr.path=/s/disk0"))
    let null = BackEnd.storageDaemon.arguments([disk], engine: .null, folder: "/s").joined(separator: " ")
    #expect(null.contains("driver=null-co,node-name=disk0,size=4096"))
  }

  @Test func `a program that is not there is named`() {
    for backEnd in BackEnd.allCases {
      let failure = #expect(throws: BenchFailure.self) {
        try backEnd.program(folder: URL(filePath: "/nowhere")) { _ in nil }
      }
      #expect(failure?.exitCode == .unavailable)
      #expect(failure?.description.contains(backEnd.programName) == true)
    }
  }

  @Test(arguments: [
    ("--mode vhost-user-qsd --engine memory", "keeps no disk in its memory"),
    ("--mode vhost-user-qsd --engine libaio --no-direct", "needs O_DIRECT"),
    ("--mode vhost-user-vextd --io-threads 2", "the back end has one"),
    ("--mode vext-service --io-threads 2", "the back end has one"),
    ("--mode vext --guest-processes", "--guest-processes needs --mode vext-service"),
    ("--mode vext-service --vmm qemu", "needs --vmm builtin"),
    ("--mode vhost-user-vextd --vmm qemu", "needs --vmm builtin"),
  ])
  func `what a back end cannot do is refused`(options: String, reason: String) throws {
    let words = options.split(separator: " ").map(String.init)
    let failure = #expect(throws: (any Error).self) {
      let command = try RunCommand.parse(["--guest", "micro"] + words)
      let configuration = command.runConfiguration(
        diskByteCount: 4 << 20, seed: 42, decision: GuestDecision(kind: .micro, reason: ""))
      try configuration.validate()
    }
    #expect(failure.map { "\($0)".contains(reason) } == true, "\(String(describing: failure))")
  }
}
