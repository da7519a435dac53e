import ArgumentParser
import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// `bench view`: the report of a run in a browser, while the run goes on.
struct ViewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "view",
    abstract: "Shows a run's report in a browser of this host while the run goes on.",
    discussion: """
      Prints the page's address, and answers until Ctrl-C. It listens at 127.0.0.1 alone, changes nothing, and lets all other processes go \
      first; every user of this host can read the page. Windows of micro guests that are longer than a second publish their IOPS.
      """)

  @Argument(help: ArgumentHelp("The folder of bench matrix or compare, or a file of rows.", valueName: "run"))
  var source: String

  @Option(help: ArgumentHelp("The port, 1024 to 65535. Default: one that is free.", valueName: "number"))
  var port: UInt16?

  @OptionGroup var choice: RowChoiceOptions

  func validate() throws {
    if let port, port < 1024 { throw ValidationError("--port \(port): ports below 1024 are the system's") }
  }

  func run() throws {
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    // A client that is gone is an error of the write to it.
    signal(SIGPIPE, SIG_IGN)
    // Nothing depends on it: the run goes first if the kernel allows that.
    _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
    _ = try RunProgress(of: source)
    let server: ViewServer
    do throws(Errno) {
      server = try ViewServer(port: port ?? 0)
    } catch {
      throw BenchFailure(
        error == .addressInUse
          ? "--port \(port ?? 0): another program listens there; leave --port out for a free one"
          : "cannot listen at 127.0.0.1: \(error)", exitCode: .unavailable)
    }
    try StandardOutput.writeLine("http://127.0.0.1:\(server.port)/ shows \(source) until Ctrl-C")
    try StandardOutput.flush()
    let pages = ViewPages(of: source, choice: choice.choice)
    do throws(Errno) {
      try server.run(until: { watch.isInterrupted }) { request throws(ViewRequest.Refusal) in
        try pages.answer(request)
      }
    } catch {
      throw BenchFailure("bench view cannot go on: \(error)", exitCode: .ioError)
    }
  }
}
