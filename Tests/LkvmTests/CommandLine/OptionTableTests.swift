import Foundation
import Testing

@testable import Hypervisor
@testable import lkvm

/// What follows from the tables of options: help, completions, the manual page, and the table of docs/lkvm.md.
struct OptionTableTests {
  private static let run = RunGuestCommand.options.map(\.description)

  @Test func `each name and each letter of a command is used once`() {
    for command in LkvmCommand.subcommands {
      let options = command.options
      let names =
        options.map(\.long) + options.flatMap(\.oppositeNames) + HelpRequest.allCases.map(\.rawValue)
      #expect(Set(names).count == names.count, "\(command.description.name)")
      let letters = options.compactMap(\.short) + ["h"]
      #expect(Set(letters).count == letters.count, "\(command.description.name)")
    }
  }

  @Test func `every option of kvmtool has a row`() {
    let kvmtool = [
      "name", "cpus", "mem", "disk", "balloon", "vnc", "gtk", "sdl", "rng", "nodefaults", "9p", "console",
      "vsock",
      "dev", "tty", "sandbox", "hugetlbfs", "virtio-legacy", "virtio-transport", "loglevel", "kernel",
      "initrd",
      "params", "firmware", "flash", "network", "no-dhcp", "vfio-pci", "debug", "debug-single-step",
      "debug-ioport",
      "debug-mmio", "debug-iodelay", "vidmode", "shmem",
    ]
    #expect(Set(kvmtool).subtracting(Self.run.map(\.long)).isEmpty)
  }

  @Test func `help lists every option, and the refused ones on request`() {
    for command in LkvmCommand.subcommands {
      let (usual, all) = (HelpText.text(command, .usual), HelpText.text(command, .all))
      for option in command.options {
        #expect(all.contains("\(option.signature)"))
        #expect(usual.contains("  \(option.signature)") == (option.group != .kvmtool))
      }
      #expect(!all.split(separator: "\n").contains { $0.count > 100 })
    }
  }

  @Test func `help lists every command and every key of a network`() throws {
    let overview = HelpText.overview(LkvmCommand.subcommands)
    for command in LkvmCommand.subcommands { #expect(overview.contains("\n  \(command.description.name) ")) }
    let network = try #require(Self.run.first { $0.long == "network" })
    for key in NetworkOptions.keys { #expect(network.help.contains("\(key)="), "\(key)") }
  }

  @Test func `an option that is refused says what to use instead`() {
    for row in RunGuestCommand.options
    where row.description.group == .kvmtool && row.description.long != "flash" {
      var settings = RunSettings()
      let problem = #expect(throws: OptionProblem.self) { try row.apply(&settings, .value("x")) }
      #expect(problem?.text.hasPrefix("not supported; ") == true)
    }
  }

  /// The lines that the page's table has to have.
  private static var table: [String] {
    run.map { option in
      let help = option.help.replacing("|", with: "\\|")
      return "| `\(option.signature.replacing("|", with: "\\|"))` | \(help) | \(option.standard ?? "") |"
    }
  }

  @Test func `the page's table of options is the program's`() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/lkvm.md")
    let text = try String(contentsOf: page.standardizedFileURL, encoding: .utf8)
    let section = text.split(separator: "## ").first { $0.hasPrefix("Options of `run`") } ?? ""
    let written = section.split(separator: "\n").filter { $0.hasPrefix("| `-") }.map(String.init)
    #expect(written == Self.table, "docs/lkvm.md should have:\n\(Self.table.joined(separator: "\n"))")
  }

  @Test func `the manual page has every command and option`() {
    let page = ManualPage.text(LkvmCommand.subcommands)
    for option in Self.run { #expect(page.contains("\\-\\-" + option.long.replacing("-", with: "\\-"))) }
    for command in LkvmCommand.subcommands { #expect(page.contains(".SS lkvm \(command.description.name)")) }
    // A dash that is not escaped becomes a hyphen, which nobody finds by searching.
    #expect(!page.contains { $0 == "\t" })
  }

  @Test func `zsh and fish are offered every option`() {
    let (zsh, fish) = (
      ZshCompletion.script(LkvmCommand.subcommands), FishCompletion.script(LkvmCommand.subcommands)
    )
    for option in Self.run {
      #expect(zsh.contains("--\(option.long)"))
      #expect(fish.contains(" -l \(option.long) "))
    }
  }
}
