import CLinux
import HostSystem
import SystemPackage

/// The files and directories that a session knows by name, each once, and which of them have a descriptor.
///
/// A guest's kernel keeps a fid for each file that it remembers, by the hundred thousand. The table closes the O_PATH
/// descriptors of those that were not used for longest (by the clock algorithm), and opens them again below their directory when
/// they are used: the inode must be the same. A file that the guest renames keeps its entry; one whose name it removes keeps
/// its descriptor. What the host renames while its descriptor is closed is ESTALE.
///
/// The session's thread alone.
final class NinePNodeTable {
  /// What the table knows of a node.
  struct Entry {
    let table: NinePNodeTable
    /// Nil once the node has no name any more, or none was known.
    var place: NinePNode.Place?
    /// Directories above it up to the share's root.
    fileprivate var depth = 0
    /// Its index among those that can be closed; nil while it is closed or cannot be.
    fileprivate var index: Int?
    fileprivate var wasUsed = true
  }

  private struct Key: Hashable {
    let directory: ObjectIdentifier
    let name: FileName

    init(_ place: NinePNode.Place) {
      directory = ObjectIdentifier(place.directory)
      name = place.name
    }
  }

  private let share: NinePShare
  /// The most descriptors that are kept for later.
  private let closableLimit: Int
  /// The most descriptors that cannot be closed: of open files, and of files without a name.
  private let heldLimit: Int
  /// A node that the table does not keep. It takes itself out of the table when it goes away.
  private struct Member {
    unowned let node: NinePNode
  }

  private var nodes: [Key: Member] = [:]
  private var closable: [Member] = []
  private var hand = 0
  private var heldCount = 0
  private var count = 0

  init(share: NinePShare, descriptorLimit: Int) {
    self.share = share
    closableLimit = NinePProtocol.closableDescriptorLimit(descriptorLimit: descriptorLimit)
    heldLimit = NinePProtocol.heldDescriptorLimit(descriptorLimit: descriptorLimit)
  }

  /// The node that `found`, which was just found at `place`, is known as: an earlier one of the same inode, or itself.
  ///
  /// - Throws: ENFILE where there are too many.
  func register(_ found: NinePNode, at place: NinePNode.Place) throws(Errno) -> NinePNode {
    let key = Key(place)
    if let known = nodes[key]?.node {
      if known.isSame(as: found), known.kind == found.kind, known.isStandIn == found.isStandIn {
        if known.number < 0 {
          known.takeDescriptor(of: found)
          makeClosable(known)
        }
        known.entry?.wasUsed = true
        return known
      }
      // Somebody on the host has put something else there.
      detach(known)
    }
    guard count < NinePProtocol.nodeLimit else { throw .tooManyOpenFilesInSystem }
    let depth = (place.directory.entry?.depth ?? 0) + 1
    // A directory goes away with the last node below it, one within the other.
    guard depth < NinePProtocol.depthLimit else { return try hold(found) }
    found.entry = Entry(table: self, place: place, depth: depth)
    count += 1
    nodes[key] = Member(node: found)
    makeClosable(found)
    return found
  }

  /// - Throws: ENFILE where no more descriptors may be held, so that nothing is made for which there is none.
  func checkRoom() throws(Errno) {
    guard heldCount < heldLimit, count < NinePProtocol.nodeLimit else { throw .tooManyOpenFilesInSystem }
  }

  /// Counts the descriptor of a node that was opened, or that has no name.
  ///
  /// - Throws: ENFILE where there are too many.
  func hold(_ node: NinePNode) throws(Errno) -> NinePNode {
    try checkRoom()
    node.entry = Entry(table: self, place: nil)
    count += 1
    heldCount += 1
    return node
  }

  /// Sees to it that the node has a descriptor.
  ///
  /// - Throws: ESTALE where its name leads to something else by now, or what openat2(2) answers.
  func use(_ node: NinePNode) throws(Errno) {
    node.entry?.wasUsed = true
    guard node.number < 0 else { return }
    var chain: [NinePNode] = []
    var next: NinePNode? = node
    while let closed = next, closed.number < 0 {
      chain.append(closed)
      next = closed.entry?.place?.directory
    }
    // From the top down. A directory on the way is closed again, so that no path takes more than two descriptors.
    for (index, closed) in chain.enumerated().reversed() {
      try reopen(closed)
      if index + 1 < chain.count { close(chain[index + 1]) }
    }
  }

  private func reopen(_ node: NinePNode) throws(Errno) {
    guard let place = node.entry?.place else { throw .staleNFSFileHandle }
    let found: NinePNode
    do throws(Errno) { found = try share.find(place.name, in: place.directory) } catch {
      throw error == .noSuchFileOrDirectory || error == .notDirectory ? Errno.staleNFSFileHandle : error
    }
    guard node.isSame(as: found), node.kind == found.kind else { throw .staleNFSFileHandle }
    node.takeDescriptor(of: found)
    makeClosable(node)
  }

  /// Closes what was not used for longest, down to the limit. Between requests: within one, nodes keep their descriptors.
  func trim() {
    while closable.count > closableLimit {
      if hand >= closable.count { hand = 0 }
      let node = closable[hand].node
      if node.entry?.wasUsed == true {
        node.entry?.wasUsed = false
        hand += 1
      } else {
        close(node)
      }
    }
  }

  /// The node at `name` of `directory` is about to lose this name: it keeps its descriptor from now on, if it is known.
  ///
  /// - Returns: the node, for ``forgetName(_:)`` once the name is gone.
  func willLoseName(_ name: FileName, in directory: NinePNode) -> NinePNode? {
    guard let node = node(name, in: directory) else { return nil }
    do throws(Errno) { try use(node) } catch {
      // It cannot be used later either.
      return node
    }
    return node
  }

  /// The node has no name any more.
  func forgetName(_ node: NinePNode) { detach(node) }

  /// The node at `name` of `directory`, if it is known.
  func node(_ name: FileName, in directory: NinePNode) -> NinePNode? {
    nodes[Key(.init(directory: directory, name: name))]?.node
  }

  /// A file has another name.
  func move(_ node: NinePNode, to place: NinePNode.Place) {
    guard let old = node.entry?.place else { return }
    if let other = self.node(place.name, in: place.directory), other !== node { detach(other) }
    nodes[Key(old)] = nil
    node.entry?.place = place
    nodes[Key(place)] = Member(node: node)
  }

  /// Takes a node out that goes away.
  func forget(_ node: NinePNode) {
    guard let entry = node.entry else { return }
    count -= 1
    if let place = entry.place {
      nodes[Key(place)] = nil
      takeOutOfClosable(node)
    } else if node.number >= 0 {
      heldCount -= 1
    }
  }

  /// Takes its name from a node, whose descriptor stays open from now on if there is room for that.
  private func detach(_ node: NinePNode) {
    guard let place = node.entry?.place else { return }
    nodes[Key(place)] = nil
    takeOutOfClosable(node)
    node.entry?.place = nil
    guard node.number >= 0 else { return }
    if heldCount < heldLimit { heldCount += 1 } else { node.closeDescriptor() }
  }

  private func makeClosable(_ node: NinePNode) {
    node.entry?.index = closable.count
    closable.append(Member(node: node))
  }

  private func close(_ node: NinePNode) {
    guard node.entry?.index != nil else { return }
    takeOutOfClosable(node)
    node.closeDescriptor()
  }

  private func takeOutOfClosable(_ node: NinePNode) {
    guard let index = node.entry?.index else { return }
    node.entry?.index = nil
    let last = closable.removeLast()
    guard index < closable.count else { return }
    closable[index] = last
    last.node.entry?.index = index
  }
}
