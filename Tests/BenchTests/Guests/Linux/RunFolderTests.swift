import Foundation
import Hypervisor
import Testing

@testable import Bench

struct RunFolderTests {
  @Test func `each guest has a root of its own, and nobody but the owner enters the folder`() throws {
    let folder = try RunFolder(guestCount: 2)
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.path)
    #expect(attributes[.posixPermissions] as? Int == 0o700)
    let roots = (0..<2).map { folder.root(guest: $0).path }
    #expect(roots[0] != roots[1])
    for root in roots {
      #expect(FileManager.default.isExecutableFile(atPath: root + "/virt/init"))
      #expect(root.hasPrefix(folder.path + "/"))
    }
    #expect(folder.share(guest: 0) != folder.share(guest: 1))
  }
}
