// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Book, RewardsState, RewardsStateLib} from "./RewardsState.sol";
import {Treasury} from "./Treasury.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";

/// @title Parameters, in force from a cycle's opening on (R-20)
abstract contract Parameters is Treasury {
    using RewardsStateLib for RewardsState;

    uint256 public constant MIN_GRACE = 1 hours;
    uint256 public constant MAX_GRACE = 3 days;
    uint256 public constant MAX_SETTLE_DELAY = 3 days;

    /// @dev A cold storage write of a payee costs 12,100 gas after the repricing that is scheduled; 500,000 times the
    /// refusals of a batch still fits a transaction.
    uint256 public constant MIN_STIPEND = 15_000;
    uint256 public constant MAX_STIPEND = 500_000;
    uint256 public constant MAX_REFUSED = 32;

    constructor(Params memory params) {
        _checkParams(params);
        _s.current = params;
        _s.newest = params;
        emit ParamsSet(0, params);
    }

    /// @inheritdoc IValidatorRewards
    function setParams(Params calldata params) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkParams(params);
        uint32 from = REGISTRY.cycleAt(block.timestamp) + 1;
        Book memory book = _s.book;
        if (book.paramsFrom != from) {
            // Two versions are kept: a third is possible once every cycle of the older one is decided.
            if (book.next < book.paramsFrom) revert ParamsChangePending(book.paramsFrom);
            _s.current = _s.newest;
            _s.book.paramsFrom = from;
        }
        _s.newest = params;
        emit ParamsSet(from, params);
    }

    /// @inheritdoc IValidatorRewards
    function lowerCap(uint128 cap) external onlyRole(GUARDIAN_ROLE) {
        if (cap >= _s.newest.cap) revert CapNotLower(cap, _s.newest.cap);
        _s.newest.cap = cap;
        if (_s.current.cap > cap) _s.current.cap = cap;
        emit CapLowered(cap);
    }

    /// @inheritdoc IValidatorRewards
    function paramsAt(uint32 n) public view returns (Params memory) {
        return _s.paramsAt(n);
    }

    function _checkParams(Params memory p) private pure {
        _checkRange("rateBps", p.rateBps, 1, 10_000);
        _checkRange("minSnapshots", p.minSnapshots, 1, 24);
        _checkRange("maxRefused", p.maxRefused, 1, MAX_REFUSED);
        _checkRange("stipend", p.stipend, MIN_STIPEND, MAX_STIPEND);
        _checkRange("grace", p.grace, MIN_GRACE, MAX_GRACE);
        _checkRange("settleDelay", p.settleDelay, 0, MAX_SETTLE_DELAY);
    }
}
