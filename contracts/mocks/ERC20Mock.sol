// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that can be told to misbehave (tests only)
contract ERC20Mock is ERC20("Mock", "MOCK") {
    enum Quirk {
        None,
        ReturnFalse,
        ReturnNothing,
        ReturnGarbage,
        FeeOnTransfer,
        SenderFee,
        BurnGas,
        Reenter
    }

    /// @dev Fees are one unit in FEE_DIVISOR.
    uint256 private constant FEE_DIVISOR = 100;

    Quirk public quirk;
    mapping(address account => bool) public blocked;
    address private _target;
    bytes private _data;
    bool public reentered;

    error Blocked(address account);

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Rebases: the holder's balance shrinks by itself.
    function burn(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function setQuirk(Quirk quirk_) external {
        quirk = quirk_;
    }

    function setBlocked(address account, bool isBlocked) external {
        blocked[account] = isBlocked;
    }

    /// @notice From now on a transfer calls `target` with `data` before it moves anything.
    function reenter(address target, bytes calldata data) external {
        quirk = Quirk.Reenter;
        _target = target;
        _data = data;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (quirk == Quirk.ReturnFalse) return false;
        if (quirk == Quirk.BurnGas) {
            while (true) {}
        }
        if (quirk == Quirk.Reenter) (reentered, ) = _target.call(_data);
        super.transfer(to, amount);
        _answer();
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (quirk == Quirk.ReturnFalse) return false;
        super.transferFrom(from, to, amount);
        _answer();
        return true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (blocked[to]) revert Blocked(to);
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount / FEE_DIVISOR;
        if (quirk == Quirk.FeeOnTransfer && fee != 0) {
            super._update(from, address(0), fee);
            super._update(from, to, amount - fee);
            return;
        }
        super._update(from, to, amount);
        if (quirk == Quirk.SenderFee && fee != 0) super._update(from, address(0), fee);
    }

    /// @dev Ends the call with the answer of the tokens that do not follow the standard.
    function _answer() private view {
        if (quirk == Quirk.ReturnNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (quirk == Quirk.ReturnGarbage) {
            assembly ("memory-safe") {
                mstore(0, 2)
                return(0, 32)
            }
        }
    }
}
