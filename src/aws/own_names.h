// For a server whose keys every web page knows: whose name it is that a request is for, or that a page is of.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace boreal::aws {

// False of a name (as in the Host field, in lower case) that may be a stranger's, who can make it lead here for the
// browser of whoever visits a page of that name ("DNS rebinding"): the page would then be of our own origin. True of
// addresses, of names that nobody can register (localhost and what is below it, a name without a dot such as a
// container's, .internal, .local, .test, home.arpa), of AWS's and LocalStack's, and of `own` ("*.x" means what is below
// x) with all below them.
bool is_no_strangers(std::string_view host, std::span<const std::string> own);

// What is told to who asks by any other name.
std::string strange_name(std::string_view host);

// Whether an Origin field is that of a page on this machine or in its network: at the loopback, or at a name that
// nobody can register.
bool is_of_near_page(std::string_view origin);

}  // namespace boreal::aws
