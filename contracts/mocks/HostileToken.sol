// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title A token that does what tokens in the wild do, and worse (tests only)
/// @notice Honest until told otherwise; the mode is of `transfer` alone, unless it says more.
contract HostileToken {
    enum Mode {
        Honest,
        ReturnsNothing,
        ReturnsThreeWords,
        ReturnsFalse,
        ReturnsTwo,
        ReturnsOneByte,
        ReturnsABomb,
        Reverts,
        RevertsWithABomb,
        BurnsGas,
        RunsInvalidOpcode,
        IsPaused,
        BlocksRecipient,
        RefusesAboveLimit,
        LimitsWallets,
        MovesNothingReturnsNothing,
        MovesNothingReturnsTrue,
        TakesAFee,
        MovesAndReturnsFalse,
        TakesFromSenderToo,
        ShrinksAllBalances,
        GrowsAllBalances,
        CallsBack,
        CallsRecipient
    }

    /// @dev A return of this size would cost its reader millions of gas if it were copied.
    uint256 private constant BOMB_BYTES = 90_000;

    /// @dev What the dishonest take: one unit in this many.
    uint256 private constant FEE_DIVISOR = 10;
    uint256 private constant LIMIT = 99;
    uint256 private constant WALLET_LIMIT = 120;

    Mode public mode;
    mapping(address account => uint256) private _shares;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => bool) public blocked;
    /// @notice Per mille of what was minted: below or above 1,000 after a rebase.
    uint256 public rate = 1_000;
    address public target;
    bytes public data;
    uint256 public calls;
    bool public succeeded;
    bytes public answer;

    error Refused();

    function mint(address to, uint256 amount) external {
        _shares[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function setBlocked(address account, bool isBlocked) external {
        blocked[account] = isBlocked;
    }

    /// @notice What a transfer calls before it moves anything, in the mode CallsBack.
    function setCall(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        Mode m = mode;
        _refuse(m, to, amount);
        if (m == Mode.ReturnsFalse) return false;
        if (m == Mode.CallsBack) _call(target, data);
        if (m == Mode.CallsRecipient) _call(to, abi.encodeWithSignature("tokensReceived()"));
        if (m != Mode.MovesNothingReturnsNothing && m != Mode.MovesNothingReturnsTrue)
            _move(msg.sender, to, m == Mode.TakesAFee ? amount - amount / FEE_DIVISOR : amount);
        if (m == Mode.TakesAFee || m == Mode.TakesFromSenderToo)
            _shares[msg.sender] -= amount / FEE_DIVISOR;
        if (m == Mode.ShrinksAllBalances) rate = 900;
        if (m == Mode.GrowsAllBalances) rate = 1_100;
        _answer(m);
        return true;
    }

    function balanceOf(address account) external view returns (uint256) {
        return (_shares[account] * rate) / 1_000;
    }

    /// @dev A rebase back is the end of the emergency.
    function setRate(uint256 rate_) external {
        rate = rate_;
    }

    function _call(address to, bytes memory input) private {
        ++calls;
        (succeeded, answer) = to.call(input);
    }

    function _move(address from, address to, uint256 amount) private {
        _shares[from] -= amount;
        _shares[to] += amount;
    }

    function _refuse(Mode m, address to, uint256 amount) private view {
        if (m == Mode.Reverts || m == Mode.IsPaused) revert Refused();
        if (m == Mode.BlocksRecipient && blocked[to]) revert Refused();
        if (m == Mode.RefusesAboveLimit && amount > LIMIT) revert Refused();
        if (m == Mode.LimitsWallets && _shares[to] + amount > WALLET_LIMIT) revert Refused();
        if (m == Mode.BurnsGas) {
            while (true) {}
        }
        assembly ("memory-safe") {
            if eq(m, 8) {
                // RevertsWithABomb
                revert(0, BOMB_BYTES)
            }
            if eq(m, 10) {
                // RunsInvalidOpcode
                invalid()
            }
        }
    }

    /// @dev Ends the call with what does not follow the standard.
    function _answer(Mode m) private pure {
        if (m == Mode.ReturnsNothing || m == Mode.MovesNothingReturnsNothing) _return(0, 0);
        if (m == Mode.ReturnsThreeWords) _return(1, 96);
        if (m == Mode.ReturnsTwo) _return(2, 32);
        if (m == Mode.ReturnsOneByte) _return(type(uint256).max, 1);
        if (m == Mode.ReturnsABomb) _return(1, BOMB_BYTES);
        if (m == Mode.MovesAndReturnsFalse) _return(0, 32);
    }

    function _return(uint256 word, uint256 size) private pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, word)
            return(free, size)
        }
    }
}
