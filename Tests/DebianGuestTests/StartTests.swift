import Testing

extension DebianGuestTests {
  /// The kernel reaches user space on machines of several shapes, and ends each as it was told to.
  struct StartTests {
    private static let survey = """
      say cpus "$(nproc)"
      say memory "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
      """
    private static let small = Result {
      try GuestReport(["-c", "2", "-m", "512"], script: survey + "\nexit 7")
    }

    @Test func `a guest with two vCPUs and 512 MiB reaches user space`() throws {
      let report = try Self.small.get()
      #expect(try report.value("cpus") == "2")
      #expect(try (400...512).contains(report.number("memory")))
    }

    @Test func `a command's exit code is lkvm's`() throws {
      #expect(try Self.small.get().exitCode == 7)
    }

    @Test func `poweroff in the shell of a guest with one vCPU ends lkvm with code 0`() throws {
      let report = try GuestReport(shell: ["-c", "1", "-m", "512"], Self.survey, "busybox poweroff -f")
      #expect(try report.value("cpus") == "1")
      #expect(report.exitCode == 0)
    }

    @Test func `a guest with 5 GiB around the PCI hole has them, and reboot ends lkvm with code 0`() throws {
      let report = try GuestReport(shell: ["-c", "2", "-m", "5G"], Self.survey, "busybox reboot -f")
      #expect(try report.value("cpus") == "2")
      #expect(try (4700...5120).contains(report.number("memory")))
      #expect(report.exitCode == 0)
    }

    @Test func `a command that switches its guest off has no exit code, and lkvm says so`() throws {
      let report = try GuestReport(["-c", "1", "-m", "512"], script: "busybox poweroff -f; sleep 60")
      #expect(report.exitCode == 70)
    }

    @Test func `arguments reach a command in a sandbox unchanged, and so does its exit code`() throws {
      let guest = try LkvmProcess([
        "sandbox", "-c", "1", "-m", "512", "--params", "quiet", "--", "/bin/sh", "-c",
        "printf '<%s>' \"$@\"; exit 42", "name", "two words", "", "a'b\"c",
      ])
      let report = try GuestReport(guest)
      #expect(report.console.contains("<two words><><a'b\"c>"))
      #expect(report.exitCode == 42)
    }
  }
}
