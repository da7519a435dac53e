import ArgumentParser

/// `--vhost-user NAME=SOCKET`: a disk's socket for front ends of vhost-user.
struct VhostUserOption: ExpressibleByArgument, Equatable {
  /// The disk's name.
  let disk: String
  /// The socket to make.
  let path: String

  init?(argument: String) {
    let words = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2, !words[0].isEmpty, !words[1].isEmpty else { return nil }
    disk = String(words[0])
    path = String(words[1])
  }
}
