import HostSystem
import SystemPackage
import Testing

@testable import FuseVext

/// The forms and rules of access control lists, names of attributes, and what /proc says of callers.
struct AccessControlListTests {
  private static let request: [UInt8] = [
    2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 5, 0, 232, 3, 0, 0, 4, 0, 0, 0, 255, 255, 255, 255, 16,
    0, 7, 0,
    255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
  ]
  private static let disk: [UInt8] = [
    1, 0, 0, 0, 1, 0, 7, 0, 2, 0, 5, 0, 232, 3, 0, 0, 4, 0, 0, 0, 16, 0, 7, 0, 32, 0, 4, 0,
  ]

  @Test func `a list of a request and the one of the disk are each other's`() throws {
    let list = try AccessControlList(request: Self.request)
    #expect(list.diskBytes == Self.disk)
    #expect(try AccessControlList(disk: Self.disk) == list)
    #expect(try AccessControlList(disk: Self.disk).requestBytes == Self.request)
    #expect(list.permissions == 0o774)
    #expect(list.changed(toMode: 0o640).permissions == 0o640)
    #expect(list.inherited(byMode: 0o666).permissions == 0o664)
  }

  @Test func `invalid lists are refused, wherever they end`() {
    for count in 0..<Self.disk.count {
      #expect(throws: Errno.invalidArgument) { try AccessControlList(disk: Array(Self.disk.prefix(count))) }
    }
    var random = SplitMix64(seed: 7)
    for _ in 0..<20_000 {
      var bytes = Self.disk
      for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      guard let list = try? AccessControlList(disk: bytes) else { continue }
      #expect(list.permissions <= 0o777)
    }
  }

  @Test(arguments: [
    ("user.a", nil), ("user.", Errno.invalidArgument), ("trusted.", .invalidArgument), ("a", .notSupported),
    ("system.data", .notSupported), ("system.posix_acl_access", nil),
    ("system.posix_acl_accessx", .notSupported),
    ("system.richacl", .notSupported), ("", .notSupported),
    ("user." + String(repeating: "n", count: 251), .outOfRange),
  ])
  func `names outside of ext4's namespaces are refused`(name: String, error: Errno?) {
    do throws(Errno) {
      _ = try AttributeName(Array(name.utf8))
      #expect(error == nil)
    } catch let refusal {
      #expect(refusal == error)
    }
  }

  private static let status = """
    Name:\tcat
    Uid:\t1000\t1000\t1000\t1000
    Groups:\t4 27 1000 
    CapEff:\t0000000000000018
    """

  @Test func `capabilities count in the server's own user namespace alone, and of the thread that asked`()
    throws
  {
    let known = try #require(ProcessCredentials(status: Self.status, user: 1000, isInSameNamespace: true))
    #expect(known.capabilities == 0x18 && known.groups == [4, 27, 1000])
    #expect(ProcessCredentials(status: Self.status, user: 1000, isInSameNamespace: false)?.capabilities == 0)
    #expect(ProcessCredentials(status: Self.status, user: 0, isInSameNamespace: true) == nil)
    #expect(ProcessCredentials(status: "Uid:\t0\nCapEff:\n", user: 0, isInSameNamespace: true) == nil)
    #expect(Caller.root.has(.resources) && !Caller(user: 5, group: 5, process: 0).has(.resources))
  }
}
