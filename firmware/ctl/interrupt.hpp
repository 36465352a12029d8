// Ctrl-C while a verb is at work: it ends in order. A person who is asked to wait can still leave
// at once: the second signal ends the tool.
#pragma once

namespace wharf::ctl {

// From now on SIGINT and SIGTERM are noted.
void note_interrupts();
[[nodiscard]] bool interrupted() noexcept;

} // namespace wharf::ctl
