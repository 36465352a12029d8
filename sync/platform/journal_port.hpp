// How delivery reaches the journal: the daemon puts the journal thread behind it, tests a model.
#pragma once

#include "gateway/journal/requests.hpp"

namespace wharf {

class journal_port {
  public:
    virtual ~journal_port() = default;
    // Takes the request without waiting; called from the sync thread. The answer comes back through
    // sync_shell::post once it is durable.
    virtual void submit(journal_request request) = 0;
};

} // namespace wharf
