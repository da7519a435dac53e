import Hypervisor
import Testing

@testable import vextd

/// The option `--disk` of vextd.
@Suite struct ServedDiskOptionTests {
  @Test func `every part of the option is taken`() throws {
    let option = try #require(
      ServedDiskOption(argument: "a=/b,ro,direct,format=raw,owner=1,group=2,weight=300,iops=5,bps=2M,burst=0")
    )
    #expect(option.name == "a" && option.path == "/b" && option.isReadOnly && option.isDirect)
    #expect(option.acceptsAnyFormat && option.ownerID == 1 && option.groupID == 2 && option.weight == 300)
    #expect(
      option.requestsPerSecond == 5 && option.bytesPerSecond == 2 << 20 && option.burstMilliseconds == 0)
    #expect(option.share.weight == 300 && option.share.throttle != nil)
    #expect(try #require(ServedDiskOption(argument: "a=/b")).share.throttle == nil)
  }

  @Test(arguments: [
    "a", "=b", "a=", "a=b,weight=0", "a=b,weight=1001", "a=b,weight=-1", "a=b,weight", "a=b,iops=0",
    "a=b,iops=1k",
    "a=b,iops=99999999999999999999", "a=b,bps=0", "a=b,bps=1x", "a=b,bps=", "a=b,burst=5",
    "a=b,iops=1,burst=-1",
    "a=b,iops=1,burst=86400001", "a=b,rw", "a=b,ro=1",
  ])
  func `a part that is wrong makes the option wrong`(argument: String) {
    #expect(ServedDiskOption(argument: argument) == nil)
  }
}
