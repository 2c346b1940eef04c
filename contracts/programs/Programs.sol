// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Credits} from "../paying/Credits.sol";
import {Pausing} from "../paying/Pausing.sol";
import {IProgramPayouts} from "../interfaces/IProgramPayouts.sol";

/// @title The programs: who pays for each, with what money, and how much may leave (R-61)
/// @notice A budget is a token bucket: it holds at most `capacity`, refills by `perDay`, and every payment, credit and
/// move to claims takes from it. What a stolen payer key can take is therefore bounded by one capacity and what
/// refills until the guardian acts.
abstract contract Programs is IProgramPayouts, Credits, Pausing {
    /// @dev As in ValidatorRewards: a payee's cold storage write after the scheduled repricing, and what still fits a
    /// transaction times the refusals of a batch.
    uint256 public constant MIN_STIPEND = 15_000;
    uint256 public constant MAX_STIPEND = 500_000;
    uint256 public constant MAX_REFUSED = 32;

    /// @dev One slot: a batch reads the pause and writes the totals.
    struct Gate {
        uint40 pausedUntil;
        uint104 balances;
        uint104 credits;
    }

    /// @dev One slot: the program's money and its budget, read and written by each batch.
    struct Account {
        uint96 balance;
        uint96 level; // what the budget held at `since`
        uint40 since;
    }

    /// @dev One slot beside the payer's: perDay, stipend and maxRefused.
    struct Entry {
        Account account;
        address payer;
        uint96 capacity;
        uint96 perDay;
        uint24 stipend;
        uint8 maxRefused;
        address claims;
    }

    Gate internal _gate;
    mapping(uint32 program => Entry) internal _programs;

    modifier onlyKnown(uint32 program) {
        if (_programs[program].stipend == 0) revert ProgramUnknown(program);
        _;
    }

    /// @inheritdoc IProgramPayouts
    function addProgram(
        uint32 program,
        Terms calldata terms
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_programs[program].stipend != 0) revert ProgramKnown(program);
        _setTerms(program, terms);
        // A new budget is full: its first batch need not wait a day.
        _programs[program].account = Account({
            balance: 0,
            level: terms.capacity,
            since: uint40(block.timestamp)
        });
        emit ProgramAdded(program, terms);
    }

    /// @inheritdoc IProgramPayouts
    function setTerms(
        uint32 program,
        Terms calldata terms
    ) external onlyRole(DEFAULT_ADMIN_ROLE) onlyKnown(program) {
        _settleBudget(program);
        _setTerms(program, terms);
        emit TermsSet(program, terms);
    }

    /// @inheritdoc IProgramPayouts
    function lowerBudget(
        uint32 program,
        uint96 capacity,
        uint96 perDay
    ) external onlyRole(GUARDIAN_ROLE) onlyKnown(program) {
        Entry storage p = _programs[program];
        bool rises = capacity > p.capacity || perDay > p.perDay;
        if (rises || (capacity == p.capacity && perDay == p.perDay)) revert BudgetNotLower(program);
        _settleBudget(program);
        p.capacity = capacity;
        p.perDay = perDay;
        emit BudgetLowered(program, capacity, perDay);
    }

    /// @inheritdoc IProgramPayouts
    function revokePayer(uint32 program) external onlyRole(GUARDIAN_ROLE) onlyKnown(program) {
        emit PayerRevoked(program, _programs[program].payer);
        _programs[program].payer = address(0);
    }

    /// @inheritdoc IProgramPayouts
    function setClaims(
        uint32 program,
        address claims
    ) external onlyRole(DEFAULT_ADMIN_ROLE) onlyKnown(program) {
        if (claims.code.length == 0 || claims == address(this)) revert BadRecipient(claims);
        _programs[program].claims = claims;
        emit ClaimsSet(program, claims);
    }

    /// @inheritdoc IProgramPayouts
    function fund(uint32 program, uint256 amount) external payable nonReentrant {
        uint256 received = _receive(amount, msg.value);
        _book(program, received);
        emit Funded(program, msg.sender, received);
    }

    /// @inheritdoc IProgramPayouts
    function skim(uint32 program) external nonReentrant onlyRole(DEFAULT_ADMIN_ROLE) {
        uint256 balance = _balance();
        uint256 owed = uint256(_gate.balances) + _gate.credits;
        if (balance <= owed) revert NoSurplus();
        _book(program, balance - owed);
        emit Skimmed(program, balance - owed);
    }

    /// @inheritdoc IProgramPayouts
    function returnFunds(
        uint32 program,
        address to,
        uint256 amount
    ) external nonReentrant onlyRole(DEFAULT_ADMIN_ROLE) onlyKnown(program) {
        _checkRecipient(to);
        Account storage account = _programs[program].account;
        if (amount > account.balance) revert BalanceExceeded(program, amount, account.balance);
        account.balance -= uint96(amount);
        _gate.balances -= uint104(amount);
        emit FundsReturned(program, to, amount);
        _pay(to, amount);
        _checkCovered();
    }

    /// @inheritdoc IProgramPayouts
    function moveToClaims(
        uint32 program,
        uint256 amount
    ) external nonReentrant whenNotPaused onlyKnown(program) {
        address claims = _programs[program].claims;
        if (msg.sender != claims) revert NotClaims(msg.sender, program);
        // What a payer proposed whom the guardian has revoked since.
        if (_programs[program].payer == address(0)) revert NotPayer(address(0), program);
        _spend(program, amount);
        emit MovedToClaims(program, claims, amount);
        if (amount != 0) _pay(claims, amount);
        _checkCovered();
    }

    /// @inheritdoc IProgramPayouts
    function programOf(uint32 program) external view returns (Program memory) {
        Entry storage p = _programs[program];
        (uint256 available, ) = _refilled(p);
        return
            Program({
                terms: Terms({
                    payer: p.payer,
                    capacity: p.capacity,
                    perDay: p.perDay,
                    stipend: p.stipend,
                    maxRefused: p.maxRefused
                }),
                balance: p.account.balance,
                available: available,
                claims: p.claims
            });
    }

    /// @inheritdoc IProgramPayouts
    function books() external view returns (Books memory) {
        return Books({balances: _gate.balances, credits: _gate.credits, balance: _balance()});
    }

    /// @dev Takes from the program's balance and budget, and from the sum of balances.
    function _spend(uint32 program, uint256 amount) internal {
        Entry storage p = _programs[program];
        (uint256 available, uint256 since) = _refilled(p);
        uint256 balance = p.account.balance;
        if (amount > available) revert BudgetExceeded(program, amount, available);
        if (amount > balance) revert BalanceExceeded(program, amount, balance);
        p.account = Account({
            balance: uint96(balance - amount),
            level: uint96(available - amount),
            since: uint40(since)
        });
        _gate.balances -= uint104(amount);
    }

    /// @dev All programs share one balance. A token that takes more than it is told to, or answers false to a transfer
    /// that it made, would let one program pay with another's money (R-41).
    function _checkCovered() internal view {
        uint256 owed = uint256(_gate.balances) + _gate.credits;
        uint256 balance = _balance();
        if (balance < owed) revert Shortfall(balance, owed);
    }

    function _creditPaid(uint256 amount) internal override {
        _gate.credits -= uint104(amount);
    }

    function _pausedUntil() internal view override returns (uint256) {
        return _gate.pausedUntil;
    }

    function _setPausedUntil(uint40 until) internal override {
        _gate.pausedUntil = until;
    }

    /// @dev What the budget holds now: refilled by the second, rounded down to whole units.
    /// @return level Units.
    /// @return since From when on the next unit grows: less than a unit is kept as the seconds it took, or many small
    /// payments would never let a small budget refill.
    function _refilled(Entry storage p) private view returns (uint256 level, uint256 since) {
        Account memory account = p.account;
        (uint256 perDay, uint256 capacity) = (p.perDay, p.capacity);
        uint256 grown = perDay * (block.timestamp - account.since);
        level = account.level + grown / 1 days;
        since = block.timestamp;
        if (level >= capacity) return (capacity, since);
        if (perDay != 0) since -= (grown % 1 days) / perDay;
    }

    /// @dev Books what the budget has refilled under the old terms; a lower capacity cuts it when it is read.
    function _settleBudget(uint32 program) private {
        Entry storage p = _programs[program];
        (uint256 level, ) = _refilled(p);
        p.account.level = uint96(level);
        p.account.since = uint40(block.timestamp);
    }

    function _setTerms(uint32 program, Terms calldata terms) private {
        if (terms.payer == address(0)) revert BadRecipient(terms.payer);
        _checkRange("stipend", terms.stipend, MIN_STIPEND, MAX_STIPEND);
        _checkRange("maxRefused", terms.maxRefused, 1, MAX_REFUSED);
        Entry storage p = _programs[program];
        (p.payer, p.capacity, p.perDay) = (terms.payer, terms.capacity, terms.perDay);
        (p.stipend, p.maxRefused) = (terms.stipend, terms.maxRefused);
    }

    function _book(uint32 program, uint256 amount) private onlyKnown(program) {
        if (amount == 0) revert NothingReceived();
        // What is booked is limited, not what is held: or whoever sends much would end all funding.
        uint256 owed = uint256(_gate.balances) + _gate.credits + amount;
        if (owed > MAX_BALANCE) revert TooMuchMoney(owed, MAX_BALANCE);
        Account storage account = _programs[program].account;
        uint256 sum = account.balance + amount;
        if (sum > type(uint96).max) revert TooMuchMoney(sum, type(uint96).max);
        account.balance = uint96(sum);
        _gate.balances += uint104(amount);
    }
}
