// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {GasToken} from "./GasToken.sol";

/// @title A token that refuses listed recipients, as the large stablecoins do
contract GasTokenBlocklist is GasToken {
    mapping(address account => bool) public blocked;

    error RecipientBlocked(address account);

    function setBlocked(address account, bool isBlocked) external {
        blocked[account] = isBlocked;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (blocked[to]) revert RecipientBlocked(to);
        super._update(from, to, value);
    }
}
