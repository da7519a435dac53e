import Foundation
import Testing

/// The completions of bash, as bash computes them.
struct CompletionTests {
  /// What bash offers for the last word of `words`, in a folder with the fixture's files.
  private static func completions(_ words: [String], _ fixture: LkvmFixture) throws -> [String] {
    let script = try fixture.run(["--generate-completion-script", "bash"]).output
    // COMP_WORDS as readline makes it, and a guest list instead of guests.
    let program = """
      lkvm() { printf '%s\\n' 'PID NAME STATE' '1 web running' '2 db paused'; }
      \(script)
      COMP_WORDS=(lkvm "$@"); COMP_CWORD=$#
      _lkvm; printf '%s\\n' "${COMPREPLY[@]}"
      """
    let bash = Process()
    let output = Pipe()
    bash.executableURL = URL(filePath: "/bin/bash")
    bash.arguments = ["-c", program, "bash"] + words
    bash.currentDirectoryURL = URL(filePath: fixture.folder.path)
    bash.standardOutput = output
    // compopt complains outside of a completion.
    bash.standardError = FileHandle.nullDevice
    try bash.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    bash.waitUntilExit()
    // A command in /bin and /usr/bin is found twice; readline shows it once.
    return Set(String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)).sorted()
  }

  @Test(
    arguments: [
      (["r"], ["resume", "run"]), (["run", "--ker"], ["--kernel"]), (["run", "--no-d"], ["--no-dhcp"]),
      (["run", "-k", "h"], ["halt"]), (["run", "--kernel", "=", "h"], ["halt"]),
      (["run", "-d", "disk"], ["disk.img"]),
      (["run", "-k", "halt", "-d", "t"], ["tiny.img", "truncated"]), (["run", "--9p", ""], ["dir"]),
      (["run", "ha"], ["halt"]), (["run", "--console", ""], ["serial", "virtio"]),
      (["run", "--io-engine", "=", "io"], ["io_uring"]),
      (["run", "--virtio-transport", "pci-"], ["pci-legacy"]),
      (["run", "-n", "mo"], ["mode=none", "mode=tap", "mode=user"]),
      (["run", "-n", "mode", "=", ""], ["none", "tap", "user"]),
      (["run", "-n", "mode", "=", "user,host"], ["user,host_ip=", "user,host_mac=", "user,hostfwd="]),
      (["run", "--network", "=", "mode", "=", "user,mt"], ["user,mtu="]),
      (["run", "--network", "mode", "=", "t"], ["tap"]),
      (
        ["run", "-n", "mode", "=", "user,hostfwd", "=", "tcp", ":", "1-", ":", "2,gu"],
        ["2,guest_ip=", "2,guest_mac="]
      ),
      (["run", "-m", ""], []), (["run", "-n", "--ba"], ["--balloon"]),
      (["stop", "-n", ""], ["db", "web"]), (["pause", "--name", "w"], ["web"]),
      (["debug", "--name", "=", "d"], ["db"]),
      (["stop", "--gr"], ["--graceful"]), (["help", "ba"], ["balloon"]),
      (["run", "--", "mkfif"], ["mkfifo"]),
      (["--generate-completion-script", "f"], ["fish"]),
    ] as [([String], [String])])
  func `bash offers the possible next words`(words: [String], offered: [String]) throws {
    #expect(try Self.completions(words, LkvmFixture()) == offered)
  }
}
