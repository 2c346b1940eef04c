// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";

/// @dev One slot: a batch reads the pause and writes the totals.
struct Gate {
    uint40 pausedUntil;
    uint104 unpaid;
    uint104 credits;
}

struct Book {
    uint128 drawn; // allocated to cycles (minus voided) or returned to the sponsor
    uint40 lastSettledAt;
    uint32 next; // the cycle to be decided next
    uint32 paramsFrom; // first cycle of the newest parameters
    uint8 rolledOver; // cycles rolled over or voided in a row, at most MAX_ROLLED_CAPS
}

/// @dev Everything funded up to and including a cycle, and the funded cycle before it (0: none).
struct Funding {
    uint128 total;
    uint32 previous;
}

/// @dev A cycle: two slots, and a batch of an equal split reads only the first.
struct CycleRecord {
    IValidatorRewards.State state;
    bool weighted;
    uint8 maxRefused;
    uint24 stipend;
    uint24 grace;
    uint24 settleDelay;
    uint40 extractedAt;
    uint16 words;
    uint104 share; // the equal share; in the weighted split the sum of all shares
    // second slot
    uint104 pool; // what the shares are computed from; 0 when there is nothing to pay
    uint120 weightSum; // their divisor: 2^17 weights of 96 bits, or the number of eligible validators
    uint24 eligible; // at most 131,072
    uint8 snapshots;
}

/// @dev Where the count of a cycle stands between pages; one cycle at a time is counted.
struct Progress {
    uint104 allocated; // sum of the shares counted so far
    uint24 cursor;
    uint8 phase;
}

/// @dev All that the rewards contract stores, in one struct, because the extraction is a linked library: with it
/// inline the contract would pass EIP-170's 24,576 bytes (docs/decisions/0004-extraction-library.md).
struct RewardsState {
    Gate gate;
    Book book;
    IValidatorRewards.Params current;
    IValidatorRewards.Params newest;
    /// @dev Newest cycle that was funded; the fundings before it are a list through `previous`.
    uint32 lastFunded;
    mapping(uint256 n => Funding) fundings;
    mapping(uint256 n => CycleRecord) cycles;
    /// @dev Key (cycle << 16) | word. Fresh slots for every cycle, never reused (R-23): an unpaid bit is erased by
    /// settling its share and by nothing else.
    mapping(uint256 key => uint256 mask) unpaid;
    Progress progress;
}

/// @title Readings of the state that contract and library share
library RewardsStateLib {
    /// @dev Caps of rolled-over cycles that may add to a later one (R-21).
    uint256 internal constant MAX_ROLLED_CAPS = 7;

    /// @return The parameters in force at the opening of cycle n (R-20).
    function paramsAt(
        RewardsState storage s,
        uint32 n
    ) internal view returns (IValidatorRewards.Params memory) {
        return n >= s.book.paramsFrom ? s.newest : s.current;
    }

    /// @return Money of cycles up to n that no cycle has drawn, uncapped. Saturates: after a return to the sponsor
    /// the funding of old cycles is gone.
    function fundsFor(RewardsState storage s, uint32 n) internal view returns (uint256) {
        uint256 at = s.lastFunded;
        // Steps over what was funded after the cut of n: at most one entry for each cycle that is not decided yet.
        while (at > n) at = s.fundings[at].previous;
        uint256 funded = s.fundings[at].total;
        uint256 drawn = s.book.drawn;
        return funded > drawn ? funded - drawn : 0;
    }

    /// @return pool What cycle n may share: its funds, capped. Cycles that rolled over paid nothing, so their caps
    /// are still unused (R-21).
    function poolOf(
        RewardsState storage s,
        uint32 n,
        uint256 cap
    ) internal view returns (uint256 pool) {
        pool = fundsFor(s, n);
        if (cap == type(uint128).max) return pool;
        uint256 limit = cap * (1 + uint256(s.book.rolledOver));
        if (pool > limit) pool = limit;
    }

    /// @return Everything ever booked by fund and skim.
    function fundedTotal(RewardsState storage s) internal view returns (uint256) {
        return s.fundings[s.lastFunded].total;
    }

    /// @dev Books money to the pool of cycle n, which is not before the newest funded one.
    function addFunds(RewardsState storage s, uint32 n, uint256 amount) internal {
        uint32 last = s.lastFunded;
        uint256 total = s.fundings[last].total + amount;
        uint32 previous = last == n ? s.fundings[last].previous : last;
        if (last != n) s.lastFunded = n;
        s.fundings[n] = Funding({total: uint128(total), previous: previous});
    }

    /// @return pool + unpaid + credits.
    function owed(RewardsState storage s) internal view returns (uint256) {
        Gate memory gate = s.gate;
        return fundedTotal(s) - s.book.drawn + gate.unpaid + gate.credits;
    }

    /// @return Sum of all shares of a settled cycle.
    function allocatedOf(CycleRecord memory r) internal pure returns (uint256) {
        return r.weighted ? r.share : uint256(r.share) * r.weightSum;
    }

    function addRolledCap(RewardsState storage s) internal {
        if (s.book.rolledOver < MAX_ROLLED_CAPS) ++s.book.rolledOver;
    }

    /// @return slot Where `unpaid` keeps a word of cycle n: hashed once for the reading and the writing.
    function unpaidSlot(
        RewardsState storage s,
        uint256 n,
        uint256 word
    ) internal view returns (uint256 slot) {
        mapping(uint256 key => uint256 mask) storage unpaid = s.unpaid;
        uint256 k = key(n, word);
        assembly ("memory-safe") {
            mstore(0x00, k)
            mstore(0x20, unpaid.slot)
            slot := keccak256(0x00, 0x40)
        }
    }

    /// @dev A roster word is below 2^16, so no two keys meet.
    function key(uint256 n, uint256 word) internal pure returns (uint256) {
        return (n << 16) | (word & type(uint16).max);
    }
}
